"""What our images and locks hold, under which licences: the bills of materials and the report."""
