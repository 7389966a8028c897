"""A mask goes back to where its image came from: DICOM SEG, RTSTRUCT and encapsulated PDF."""
