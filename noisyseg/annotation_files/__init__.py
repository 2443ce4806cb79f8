"""What a usable COCO annotation file is: one rule, for noise, training and evaluation alike."""
