"""Each program here measures one promise and prints one JSON object as its last line on standard output."""
