"""What our images and locks hold, under which licences: the bills of material and the report."""
