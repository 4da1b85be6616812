#!/usr/bin/env bash
# The same build as for ClusterFuzzLite.
exec "$SRC/echospec/.clusterfuzzlite/build.sh"
