"""A conversation as a file that another installation takes in: written from the journal, and read as hostile input."""

#: The form of the file.
FORMAT = "holdfast.conversation/1"
#: Bytes of all files that one export carries. Larger ones are named and not carried.
MAX_FILES_BYTES = 20_000_000
