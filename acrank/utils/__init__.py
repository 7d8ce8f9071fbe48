"""What every part uses and none owns: files, text from elsewhere, durations."""
