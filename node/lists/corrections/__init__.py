"""What takes back or changes what an own list says: amended, withdrawn, disputed, restated, shredded."""
