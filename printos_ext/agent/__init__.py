"""What runs for years beside the devices: so far, which devices are attached."""
