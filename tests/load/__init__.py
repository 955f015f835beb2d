"""The app under load and under attack, against the real server on loopback."""
