module devcluster/images

go 1.26.0
