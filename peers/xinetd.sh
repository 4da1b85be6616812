# xinetd's own echo, in the foreground: xinetd.sh SERVICE PORT FOLDER
cat >"$3/xinetd.conf" <<CONFIGURATION
defaults
{
    instances = UNLIMITED
    cps = 10000 1
    per_source = UNLIMITED
}
service $1
{
    type = INTERNAL UNLISTED
    id = $1-stream
    socket_type = stream
    protocol = tcp
    wait = no
    bind = 127.0.0.1
    port = $2
    user = $(id -un)
}
CONFIGURATION
exec xinetd -dontfork -f "$3/xinetd.conf" -pidfile "$3/xinetd.pid"
