"""How many exams and readers the next study needs, from a pilot's scores or a mean and an SD."""
