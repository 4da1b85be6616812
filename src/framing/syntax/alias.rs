//! Short names for framings in wide use (CATALOGUE A0, A3, A4).

/// A short name for a framing.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The short name; further keys may follow it.
    pub name: &'static str,
    /// What it stands for.
    pub expansion: &'static str,
    /// Who uses it.
    pub about: &'static str,
}

const fn alias(name: &'static str, expansion: &'static str, about: &'static str) -> Alias {
    Alias { name, expansion, about }
}

/// The short names.
pub const ALIASES: &[Alias] = &[
    alias("netstring", "length:dec,digits=1-9,lead0=deny,sep=\":\",end=\",\"", "djb's netstrings, SCGI, QMTP"),
    alias("lines", "delimiter:lf,chomp=cr", "lines that end in LF or CRLF; LF is sent"),
    alias("crlf", "delimiter:crlf", "SMTP, IRC, POP3, FTP"),
    alias("lf", "delimiter:lf", "ndjson, POSIX lines"),
    alias("nul", "delimiter:nul", "STOMP, XMLSocket, find -print0"),
    alias("cr", "delimiter:cr", "serial instruments"),
    alias("dns", "length:u16be", "DNS over TCP (RFC 1035 4.2.2)"),
    alias("rtp", "length:u16be,empty=any", "RTP over TCP (RFC 4571); 0 is a null packet"),
    alias("pb", "length:varint", "protobuf's delimited messages"),
    alias("delimited", "length:varint", "protobuf's delimited messages"),
    alias("msgio", "length:u32be,max=8MiB", "libp2p's msgio"),
    alias("erl1", "length:u8", "Erlang {packet,1}"),
    alias("erl2", "length:u16be", "Erlang {packet,2}"),
    alias("erl4", "length:u32be", "Erlang {packet,4}"),
    alias("rpc", "length:u32be,mask=0x7fffffff,more=msb", "ONC RPC record marking (RFC 5531 11)"),
    alias("tpkt", "length:u16be,off=2,magic=x'0300',incl=header", "TPKT (RFC 1006), RDP, S7"),
    // RFC 6587 3.4.1: MSG-LEN starts with a non-zero digit, so nothing can be empty.
    alias("syslog", "length:dec,lead0=deny,sep=\" \",min=1", "syslog octet counting (RFC 6587 3.4.1)"),
    alias("syslog-lf", "delimiter:lf", "syslog non-transparent framing (RFC 6587 3.4.2)"),
    alias("lsp", "length:header,name=Content-Length,sep=x'0d0a0d0a'", "language servers, debug adapters"),
    alias("resp-bulk", "length:dec,magic=\"$\",sep=crlf,end=crlf", "Redis bulk strings"),
    alias("chunked11", "length:chunked11", "NETCONF 1.1 (RFC 6242 4.2)"),
    alias("http-chunked", "length:http-chunked", "HTTP/1.1 chunked bodies (RFC 9112 7.1)"),
    alias("slip", "delimiter:x'c0',escape=slip", "SLIP (RFC 1055)"),
    alias("cobs", "delimiter:nul,escape=cobs", "consistent overhead byte stuffing"),
    alias("hdlc", "delimiter:x'7e',start=x'7e',escape=hdlc", "asynchronous HDLC (RFC 1662), without FCS"),
    alias("smtp-data", "delimiter:\"\\r\\n.\\r\\n\",escape=dot", "SMTP DATA, POP3, NNTP"),
    alias("mllp", "delimiter:x'1c0d',start=x'0b'", "HL7 MLLP"),
    alias("json-seq", "delimiter:lf,start=rs", "JSON text sequences (RFC 7464)"),
    alias("native-msg", "length:u32ne,max=1MiB", "browsers' native messaging"),
    alias("postgres", "length:u32be,off=1,incl=field", "PostgreSQL messages after startup"),
    alias("mysql", "length:u24le,skip=1,more=full", "MySQL packets; the sequence number is sent as 0"),
    alias("grpc", "length:u32be,off=1,max=4MiB", "gRPC messages"),
    alias("ws", "length:ws,off=1,magic=x'82'", "WebSocket binary frames without masking (RFC 6455 5.2)"),
];
