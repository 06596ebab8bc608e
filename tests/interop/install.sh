#!/bin/sh
# Install the real servers and clients that the interop tests talk to.  Debian, as root, idempotent, asks nothing.
#
# The FTP servers exclude one another as packages, and so do the mail servers.  One mail server (Postfix) is installed;
# all the others are unpacked, not installed, each into a folder of its own below $TRANSFER_PEERS
# (default: ${XDG_CACHE_HOME:-~/.cache}/transfer-toolkit/peers).  Nothing is configured and no service is started:
# the tests write a configuration and start each server themselves.
set -eu

peers=${TRANSFER_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/transfer-toolkit/peers}
unpacked="vsftpd proftpd-core proftpd-mod-crypto pure-ftpd pure-ftpd-common exim4-daemon-light exim4-base opensmtpd"
# The user that the servers run as, and those that Exim and OpenSMTPD have compiled in.
users="transfer-peer Debian-exim opensmtpd opensmtpq"
# db5.3-util writes the user database of vsftpd; sasl2-bin and libsasl2-modules* serve Postfix's AUTH.
installed="postfix sasl2-bin libsasl2-modules libsasl2-modules-db db5.3-util libpam-modules openssl netbase curl lftp"

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The stamp is written last, so an interrupted run starts over.
is_complete() {
    [ "$(cat "$peers/complete" 2>/dev/null)" = "$unpacked" ] || return 1
    for package in $installed $(cat "$peers/libraries"); do is_installed "$package" || return 1; done
    for package in $unpacked; do [ -d "$peers/$package" ] || return 1; done
    for user in $users; do id "$user" >/dev/null 2>&1 || return 1; done
    [ -x /usr/libexec/opensmtpd/mail.mda ]
}

# invoke-rc.d asks this file before it starts a service; 101 is "forbidden by policy".
forbid_services() {
    [ -e /usr/sbin/policy-rc.d ] && return
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

create_user() {
    id "$1" >/dev/null 2>&1 || useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin "$1"
}

# A package that is only unpacked does not bring its libraries along: take their names from its own Depends.
libraries_of() {
    for deb in "$@"; do dpkg-deb --field "$deb" Depends Pre-Depends; done |
        sed 's/^[A-Za-z-]*: *//' | tr ',' '\n' | sed 's/[|(].*//; s/[[:space:]]//g' | grep '^lib' | sort -u
}

install_packages() {
    apt-get install --yes --no-install-recommends "$@"
}

if [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: must run as root" >&2
    exit 1
fi
if is_complete; then
    echo "interop peers are complete in $peers"
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
forbid_services
# One unreachable third-party source must not stop us; what is really missing makes the next step fail.
apt-get update || echo "install.sh: apt-get update failed, going on with the lists at hand" >&2
# Other preconfigurations would give the machine a mail server of its own.
is_installed debconf && echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
# shellcheck disable=SC2086  # the lists are meant to be split
install_packages $installed

downloads=$(mktemp -d)
chmod 755 "$downloads"
(
    cd "$downloads"
    # shellcheck disable=SC2086
    apt-get -o APT::Sandbox::User=root download $unpacked
)
mkdir -p "$peers"
for package in $unpacked; do
    rm -rf "${peers:?}/$package"
    mkdir "$peers/$package"
    dpkg -x "$downloads/${package}"_*.deb "$peers/$package"
done
libraries_of "$downloads"/*.deb > "$peers/libraries"
# shellcheck disable=SC2046
install_packages $(cat "$peers/libraries")
rm -rf "$downloads"

for user in $users; do create_user "$user"; done
# OpenSMTPD's spool, chroot and helper programs are where it was compiled to look for them.  The helpers run as
# transfer-peer, who may not be able to enter $peers: hence a copy.
install -d -m 711 /var/spool/smtpd
install -d -m 755 /var/lib/opensmtpd/empty /usr/libexec
[ -e /usr/libexec/opensmtpd ] || cp -R "$peers/opensmtpd/usr/libexec/opensmtpd" /usr/libexec/

echo "$unpacked" > "$peers/complete"
echo "interop peers are complete in $peers"
