"""What is deployed: the compose file, the image, the stand-ins for images that no registry gives in CI."""
