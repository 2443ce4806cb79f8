"""Tables of records in every format, and their match with the paper's."""
