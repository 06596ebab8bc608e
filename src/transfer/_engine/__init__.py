"""The half-duplex line-protocol engine that the SMTP client and both sides of FTP stand on."""
