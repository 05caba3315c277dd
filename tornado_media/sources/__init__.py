"""Bytes that are read: folders of this machine, mounted at paths of URLs, and the files in them."""
