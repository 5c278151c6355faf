"""The transparency report of an agency: from numbers alone to what may be published of them."""
