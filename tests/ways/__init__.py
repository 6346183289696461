"""Five ways through the system, walked and traced: how many files a reader opens who follows them."""
