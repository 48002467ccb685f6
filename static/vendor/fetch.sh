#!/bin/sh
# fetch.sh PACKAGE VERSION FILE...: bring these files of the npm package, and its licence, as they were published, and note
# its version, licence and checksums. FILE=NAME: under this name.
set -eu
package=$1 version=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "$package@$version" >/dev/null && tar xzf ./*.tgz)
rm -rf "${here:?}/$package"
mkdir -p "$here/$package"
for file in LICENSE "$@"; do cp "$work/package/${file%%=*}" "$here/$package/$(basename "${file#*=}")"; done
python3 - "$here" "$package" "$version" "$work/package/package.json" <<'PYTHON'
import hashlib, json, pathlib, sys
here, package, version = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
licence = json.loads(pathlib.Path(sys.argv[4]).read_text())["license"]
files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((here / package).iterdir())}
known = json.loads((here / "versions.json").read_text()) if (here / "versions.json").exists() else {}
known[package] = {"version": version, "license": licence, "files": files}
(here / "versions.json").write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
PYTHON
echo "static/vendor/$package is $version"
