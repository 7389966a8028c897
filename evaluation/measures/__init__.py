"""What is measured of a mask: Dice, volume."""
