import pytest
from pydicom import Dataset

from dataset_conversion.dicom.scanner import Scanner, scanner_of


def header(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("manufacturer", "vendor"),
    [
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers", "Siemens"),
        ("Philips Medical Systems / MIM Software", "Philips"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("UIH", "United Imaging"),
        ("Kari Olsen", "other"),
        ("", ""),
    ],
)
def test_vendors_are_a_fixed_list(manufacturer: str, vendor: str) -> None:
    assert scanner_of(header(Manufacturer=manufacturer)).vendor == vendor


def test_a_model_that_shares_a_word_with_the_patient_is_left_out() -> None:
    named = header(ManufacturerModelName="Aera Olsen", PatientName="Olsen^Kari")
    assert scanner_of(named).model == ""
    assert scanner_of(header(ManufacturerModelName="MAGNETOM Vida")).model == "MAGNETOM Vida"
    assert scanner_of(header(ManufacturerModelName="x" * 80)).model == ""


@pytest.mark.parametrize(("value", "tesla"), [("1.5", 1.5), ("15000", 1.5), ("0", None), ("-3", None)])
def test_field_strength_is_in_tesla(value: str, tesla: float | None) -> None:
    assert scanner_of(header(MagneticFieldStrength=value)) == Scanner("", "", tesla)
