"""The wire: Klein's route table, and two fronts that serve it."""
