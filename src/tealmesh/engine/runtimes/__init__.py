"""What runs containers: processes of this machine, and a scripted fake."""
