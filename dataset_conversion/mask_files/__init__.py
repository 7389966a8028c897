"""Masks of readers in the formats their programs save: NIfTI, NRRD, DICOM SEG and RTSTRUCT."""
