"""From a folder of exported DICOM files to the exams of a data set."""
