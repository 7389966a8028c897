import stat
from pathlib import Path

import pytest

from dataset_conversion.dicom.keys import COLUMNS, Key, read_keys, with_new_keys, write_keys
from dataset_conversion.images import ConversionError

FOUND = [(f"1.2.{number}", f"id{number % 3}", f"folder/{number}") for number in range(6)]


def test_names_do_not_follow_the_order_of_the_source_and_are_the_same_again() -> None:
    keys = with_new_keys([], FOUND)
    assert with_new_keys([], reversed(FOUND)) == keys
    assert [key.exam for key in keys] == [f"exam{number:03d}" for number in range(1, 7)]
    assert [key.study_uid for key in keys] != sorted(key.study_uid for key in keys)
    assert len({key.patient for key in keys}) == 3
    assert {(key.patient_id, key.patient) for key in keys} == {
        (patient_id, next(key.patient for key in keys if key.patient_id == patient_id))
        for patient_id in ("id0", "id1", "id2")
    }


def test_new_exams_follow_and_known_ones_keep_their_names(tmp_path: Path) -> None:
    first = with_new_keys([], FOUND[:3])
    renamed = [Key("knee_7", "kari", *row[2:]) for row in [tuple(vars(first[0]).values())]] + first[1:]
    write_keys(tmp_path / "keys.csv", renamed, [])
    again = with_new_keys(read_keys(tmp_path / "keys.csv"), FOUND)
    assert again[:3] == renamed
    assert [key.exam for key in again[3:]] == ["exam004", "exam005", "exam006"]
    same_person = [key.patient for key in again if key.patient_id == renamed[0].patient_id]
    assert set(same_person) == {"kari"}


def test_without_a_patient_id_every_exam_is_its_own_patient() -> None:
    keys = with_new_keys([], [("1.2.1", "", "a"), ("1.2.2", "", "b")])
    assert len({key.patient for key in keys}) == 2


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "apart" / "keys.csv"
    write_keys(path, with_new_keys([], FOUND), [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    write_keys(path, read_keys(path), read_keys(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_names_that_another_process_gave_meanwhile_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "keys.csv"
    first, second = (with_new_keys([], FOUND[part]) for part in (slice(3), slice(3, 6)))
    write_keys(path, first, [])
    with pytest.raises(ConversionError, match="found exams that another process named meanwhile"):
        write_keys(path, second, [])
    assert read_keys(path) == first and [file.name for file in tmp_path.iterdir()] == ["keys.csv"]


HEADER = ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "columns: found a, b, expected exam, patient, patient_id, study_uid, folder"),
        (HEADER + "a b,p,,1.2,f\n", "exam 'a b': identifier: expected letters"),
        (HEADER + "a,p,,1.2,f\na,p,,1.3,f\n", "exam: exam a stands twice, expected once"),
        (HEADER + "a,p,,1.2,f\nb,p,,1.2,f\n", "study_uid: exam b stands twice, expected once"),
        (HEADER + 'a,"p q",,1.2,f\n', "exam a: patient: found no plain name"),
    ],
)
def test_a_broken_key_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys.csv"
    path.write_text(text)
    with pytest.raises(ConversionError, match=message):
        read_keys(path)
