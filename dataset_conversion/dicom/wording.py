"""What the words of a series description say, and what of it may be shown.

People at the scanner type these descriptions: English, German, Norwegian, Danish, Dutch and French words,
abbreviations, and sometimes a patient's name. Words are compared as wholes, never as parts of others.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataset_conversion.dicom.rule import ContrastName

_STATIONS = {
    "knee": "knee knees kne kneet knær knaer knæ knie knien knieen kniegelenk genou genoux genu",
    "thigh": "thigh thighs lår låret laar oberschenkel bovenbeen bovenbenen cuisse cuisses femur femora",
    "leg": """leg legs lowerleg lowerlegs calf calves legg leggen leggene ben bein beine been benen jambe
        jambes unterschenkel underben onderbeen onderbenen mollet mollets tibia crus crura""",
    "pelvis": "pelvis pelvic becken bekken bekkenet bækken bassin",
    "abdomen": "abdomen abdominal abd abdo bauch oberbauch unterbauch buik mage magen ventre",
    "chest": "chest thorax torax thoracic brust brustkorb borst borstkas bryst brystkasse poitrine",
    "head": """head brain skull kopf schädel schaedel gehirn hode hodet hjerne hoved hoofd hersenen tete tête
        crane crâne cerveau caput cerebrum cranium""",
    "neck": "neck hals nacken nakke nakken nek cou collum",
    "shoulder": """shoulder shoulders schulter schultern skulder skuldre schouder schouders epaule épaule
        epaules épaules""",
    "foot": """foot feet forefoot midfoot hindfoot fuß fuss füße fuesse fot foten føtter foetter fod fødder
        voet voeten pied pieds""",
    "ankle": "ankle ankles ankel ankler enkel enkels cheville chevilles sprunggelenk osg knöchel",
    "hip": "hip hips hüfte huefte hüften hofte hofter heup heupen hanche hanches coxa coxae",
    "spine": """spine spinal lumbar cervical wirbelsäule wirbelsaeule hws bws lws rygg ryggen ryggrad ryg
        wervelkolom cwk twk lwk rachis columna colonne""",
    "whole body": "wholebody wb wbmri ganzkörper ganzkoerper helkropp helkroppen helkrop",
}
_STATION_PHRASES = {
    "whole body": re.compile(r"\b(whole|total|totaal|hele) (body|lichaam|kroppen)\b|\bcorps entier\b")
}

# Without words that are common names too (Long, Field, Tim, Norm, Li): hiding one costs little.
_SEQUENCES = """
    t1 t2 t2s t1w t2w pd pdw dw tse fse se gre ge ffe tfe bffe flash fl2d fl3d tse2d tse3d me2d me3d vibe lava
    flex lavaflex thrive space cube mprage tfl ir stir tirm flair spair spir sat fs fatsat nofs nonfs supp
    wfs weighted dixon mdixon mdix dixonall quant ideal idealiq iq water fat in opp op ip out of phase inphase
    outphase opposed ff pdff fatfrac fraction w f ep2d epi dwi diff adc trace dti dess mess qdess truefisp
    trufi fiesta ciss medic swi blade propeller multivane haste ssfse rare spgr fspgr efgre3d spc zte ute
    t2map t1map mapping map b0 b1 r2 mip mpr mra tof angio dce dyn dynamic perf perfusion nativ native post
    pre gd gad contrast kontrast km cm iv mit ohne uten med sans avec iso res resolution asset sense ipat
    caipi caipirinha grappa cs sms mb slice slices rt lt rechts links høyre venstre right left rechter linker
    droite gauche dx bilateral both beide begge upper lower oben unten mitte øvre nedre midtre boven onder
    cor coronal kor koronal koronar coronar coronaal coronale tra trans transversal transversaal transverse
    ax axial axiaal axiale sag sagittal sagittaal sagittale sagital obl oblique 2d 3d 4d 2pt 3pt plane 3plane
    station stations stasjon stn step steps stack stacks level composed compose comp composing moco sub
    subtraction localizer localiser loc scout survey aascout pilot surview planning planscan calibration
    calib ref shim test qc phantom repeat rep again bh breathhold fb breathing trig trigger resp te tr ti fa
    mm ms tesla 3t wip protocol research study edema oedema whole body total totaal hele kroppen entier corps
    lichaam dis2d dis3d nd mfsplit dist corr wfi fatsep sep and og und
"""

# A leg in Norwegian and Danish, and a given name.
_NAMES_TOO = {"ben"}
_STATION_OF = {word: station for station, words in _STATIONS.items() for word in words.split()}
_VOCABULARY = (frozenset(_SEQUENCES.split()) | _STATION_OF.keys()) - _NAMES_TOO
#: Contrast letters, shown as the scanners write them.
_LETTERS = {"w": "W", "f": "F"}

HIDDEN = "..."


def clean_description(text: str) -> str:
    """Keep what a series description says about the image; anything that could name a person is hidden.

    Kept are words of a fixed vocabulary of sequences, planes, body regions and contrasts, and numbers of
    one or two digits that stand behind such a word and are neither part of a longer row of numbers (a
    date) nor beside a hidden word. Everything else becomes ``...``.

    Examples
    --------
    >>> clean_description("T2 tse dixon cor Olsen Kari_W")
    't2 tse dixon cor ... W'
    >>> clean_description("knie station 2 12.03.2015")
    'knie station ...'
    """
    words = _words(text)
    shown: list[str] = []
    for i, word in enumerate(words):
        if word.isdecimal():
            after = words[i + 1] if i + 1 < len(words) else None
            kept = i > 0 and words[i - 1] in _VOCABULARY and (after is None or after in _VOCABULARY)
            kept = kept and word.isascii() and len(word) <= 2
        else:
            kept = word in _VOCABULARY
        if kept:
            shown.append(_LETTERS.get(word, word))
        elif shown[-1:] != [HIDDEN]:
            shown.append(HIDDEN)
    return " ".join(shown)


def station_words(text: str) -> frozenset[str]:
    """Body regions (`rule.Region`) that a text names.

    Examples
    --------
    >>> sorted(station_words("T2 dixon cor Oberschenkel/Knie"))
    ['knee', 'thigh']
    """
    words = _words(text)
    found = {_STATION_OF[word] for word in words if word in _STATION_OF}
    sentence = " ".join(words)
    return frozenset(found | {name for name, phrase in _STATION_PHRASES.items() if phrase.search(sentence)})


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())


# Technique words beside which a bare W, F, IN or OPP means a contrast; WFI is United Imaging's.
_DIXON = re.compile(r"\w*DIXON\w*|M?DIX|IDEAL\w*|\w*FLEX|LAVA|WFI")
# Canon's and Fujifilm's, beside which only whole words do: WFS is Philips' shift between water and fat too.
_SEPARATION = {"WFS", "FATSEP"}
_WEIGHTED = {"T1", "T2", "T2S", "PD", "DW"}
_WATER, _FAT = ("WATER", "WASSER", "VANN", "VAND", "EAU"), ("FAT", "FETT", "FEDT", "GRAISSE")
_CONTRASTS: dict[str, ContrastName] = {
    **dict.fromkeys(["W", *_WATER], "water"),
    **dict.fromkeys(["F", *_FAT], "fat"),
    **dict.fromkeys(["IN", "IP", "INPHASE"], "in_phase"),
    **dict.fromkeys(["OPP", "OP", "OUT", "OOP", "OPPOSED", "OUTPHASE"], "opposed_phase"),
    **dict.fromkeys(["FF", "FATFRAC", "PDFF"], "fat_fraction"),
}
#: Say the contrast wherever they stand.
_PLAIN = {"INPHASE", "OUTPHASE", "FATFRAC", "PDFF"}
#: Mean nothing else: a second contrast is one wherever it stands.
_WORDS = {*_WATER, *_FAT, *_PLAIN, "OPP", "OOP", "OPPOSED"}
_AND = "(?:(?:AND|OG|UND|ET|EN) )?"
_PHRASES = (
    (re.compile(r"\bFAT ?(FRAC(TION)?|PERCENTAGE)\b"), "FATFRAC"),
    (re.compile(r"\b(WATER FAT|FAT WATER) (SEP|SEPARATION|SHIFT|IMAGING)\b"), "WFS"),
    (re.compile(r"\bFAT SEP(ARATION)?\b"), "FATSEP"),
    (re.compile(r"\bIN PHASE\b"), "INPHASE"),
    (re.compile(r"\b(OUT OF|OUT|OPPOSED|OPP) ?PHASE\b"), "OUTPHASE"),
    (re.compile(rf"\b(?:IN|INPHASE) {_AND}(?:OUTPHASE|OPPOSED|OPP|OUT|OP)\b"), "INPHASE OUTPHASE"),
    (re.compile(rf"\b(?:OUTPHASE|OPPOSED|OPP|OUT|OP) {_AND}(?:IN|INPHASE)\b"), "OUTPHASE INPHASE"),
    (re.compile(r"\bIP OP\b"), "INPHASE OUTPHASE"),
    (re.compile(r"\bOP IP\b"), "OUTPHASE INPHASE"),
    (re.compile(r"\b(WATER|FAT) ONLY\b"), r"\1"),
)
# Post OP is a patient after surgery.
_NOT_BEHIND = {"NO", "NON", "WITHOUT", "OHNE", "UTEN", "UDEN", "SANS", "POST", "PRE"}
# Fat that is suppressed and water that is excited are no contrasts; "dixon W contrast" means "with".
_NOT_BEFORE = {"SAT", "SUPP", "SUP", "SUPPRESSED", "SUPPRESSION", "SPIR", "SPAIR", "EXC", "EXCITATION"}
_NOT_BEFORE |= {"SELECTIVE", "SEL", "NULLED", "FREE", "FRACTION", "FS", "FATSAT", "SHIFT"}
_NOT_BEFORE |= {"GD", "GAD", "CONTRAST", "CM", "KM"}
# What Siemens appends behind the contrast.
_TRAILING = re.compile(r"(_(ND|DIS[23]D|DIST_?CORR|NORM|MFSPLIT|COMP|COMPOSED|\d\d?))+$")
_GE_FRONT = re.compile(r"(WATER|FAT|INPHASE|OUTPHASE|FATFRAC)(?: W/O CORRECTION)?:")


@lru_cache(maxsize=4096)
def contrast_words(description: str, protocol: str = "") -> frozenset[ContrastName]:
    """Dixon contrasts that a series description names; two are for the caller to call unknown.

    GE writes them in front (``WATER: Ax LAVA-Flex``). Siemens appends ``_W``, ``_F``, ``_in`` or ``_opp`` to
    the protocol's name, so what follows that name decides. A description that is the protocol's name
    (usual with Philips) stands for all contrasts of the scan and names none. Elsewhere a letter or word
    counts only beside a technique word, as the last word or right behind it (``mDIXON-W``): ``T2 W``,
    ``PDW_TSE``, ``FFE`` and ``fat sat`` name no contrast.

    Examples
    --------
    >>> sorted(contrast_words("T1 dual FFE in/opp"))
    ['in_phase', 'opposed_phase']
    """
    text, shared = description.strip().upper(), protocol.strip().upper()
    if front := _GE_FRONT.match(text):
        return frozenset([_CONTRASTS[front[1]]])
    if text.removeprefix("WIP ") == shared.removeprefix("WIP "):
        return frozenset()
    text = _TRAILING.sub("", text)
    sentence = " ".join(_words(re.sub(r"\bW/O?(?!\w)", " ", text))).upper()
    for phrase, word in _PHRASES:
        sentence = phrase.sub(word, sentence)
    words = sentence.split()
    dixon = [bool(_DIXON.fullmatch(word)) for word in words]
    if shared and text.startswith(f"{shared}_"):
        appended = text[len(shared) + 1 :]
        if appended in _CONTRASTS and (any(dixon) or not {*words[-2:-1]} & _WEIGHTED):
            return frozenset([_CONTRASTS[appended]])
    named = [_is_named(words, i, dixon) for i in range(len(words))]
    found = {_CONTRASTS[word] for word, here in zip(words, named, strict=True) if here}
    if found:
        # "dixon cor W F": what stands beside a contrast is one too, and so is any word that can be no other.
        found |= {
            _CONTRASTS[word]
            for i, word in enumerate(words)
            if _may_name(words, i) and (word in _WORDS or any(named[max(i - 1, 0) : i + 2]))
        }
    # The W of "T2 W F" may be water or a weighting.
    if found and not {("W", "F"), ("F", "W")}.isdisjoint(pairwise(words)):
        found |= {"water", "fat"}
    return frozenset(found)


def _is_named(words: list[str], i: int, dixon: list[bool]) -> bool:
    """Whether a word stands where it names the contrast of the whole."""
    if not _may_name(words, i):
        return False
    whole = words[i] in (*_WATER, *_FAT)
    placed = whole or i == len(words) - 1 or (i > 0 and dixon[i - 1])
    beside = any(dixon) or (whole and not _SEPARATION.isdisjoint(words))
    return words[i] in _PLAIN or (beside and placed)


def _may_name(words: list[str], i: int) -> bool:
    """Whether a word is a contrast's, and neither a weighting (T2 W) nor what is suppressed or excited."""
    if words[i] not in _CONTRASTS or (i + 1 < len(words) and words[i + 1] in _NOT_BEFORE):
        return False
    if words[i] in _PLAIN or i == 0:
        return True
    weighting = words[i - 1] in _WEIGHTED and words[i] not in _WORDS
    return not weighting and words[i - 1] not in _NOT_BEHIND
