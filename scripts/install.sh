# What ./check and ./quickstart share: installing what is missing. Read with "."; needs the checkout as working directory.

say() { printf '%s\n' "$*" >&2; }

die() {
	say "$(basename "$0"): $*"
	exit 1
}

[ "$(id -u)" = 0 ] || die "root is needed: run it with sudo"

# install_packages NAME...: Debian packages that are not installed yet; one apt-get for all of them.
install_packages() {
	local name missing=()
	for name in "$@"; do
		[ "$(dpkg-query -Wf '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
	done
	[ ${#missing[@]} = 0 ] && return
	command -v apt-get >/dev/null || die "install these programs first: ${missing[*]}"
	say "installing ${missing[*]}"
	{
		apt-get -qq update &&
			DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}"
	} >.install.log 2>&1 </dev/null || {
		tail -n 20 .install.log >&2
		die "apt-get could not install ${missing[*]} (see .install.log)"
	}
	rm -f .install.log
}

# install_environment SPEC: the virtual environment .venv with this checkout in it; again only when pyproject.toml changed.
install_environment() {
	local python=${CORRAL_CHECK_PYTHON:-python3} stamp
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || die "Python 3.11 or newer is needed"
	"$python" -c 'import venv, ensurepip' 2>/dev/null || install_packages python3-venv
	stamp="$1 $(cksum <pyproject.toml) $("$python" -V)"
	[ "$(cat .venv/.corral 2>/dev/null)" = "$stamp" ] && return
	say "installing corral into .venv"
	[ -x .venv/bin/python ] || "$python" -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -e "$1" >.install.log 2>&1 || {
		tail -n 20 .install.log >&2
		die "pip could not install corral (see .install.log)"
	}
	rm -f .install.log
	printf '%s\n' "$stamp" >.venv/.corral
}
