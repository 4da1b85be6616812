#!/usr/bin/env bash
# Builds every fuzz target into $OUT, with its corpus, dictionary and options. ClusterFuzzLite and OSS-Fuzz run it in
# their builder image; outside of it: `OUT=/tmp/out SRC=/tmp .clusterfuzzlite/build.sh` from the root of the checkout.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
[ -d "$SRC/echospec" ] && cd "$SRC/echospec" || cd ..

triple=$(rustc -vV | sed -n 's/^host: //p')
cargo fuzz build -O --debug-assertions --target "$triple"
for target in $(cargo fuzz list); do
    # `live` needs a server; here is none.
    [ "$target" = live ] && continue
    cp "fuzz/target/$triple/release/$target" "$OUT/"
    cp "fuzz/dictionaries/$target.dict" "$OUT/$target.dict"
    rm -f "$OUT/${target}_seed_corpus.zip"
    (cd "fuzz/corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
    printf '[libfuzzer]\nmax_len = 4096\ntimeout = 10\n' >"$OUT/$target.options"
done
