"""What Fenqi's compiler hands to its core; nobody else's business."""
