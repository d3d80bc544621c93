"""Interactive 3D scenes."""
