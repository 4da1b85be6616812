#!/usr/bin/perl
# AnyEvent::Handle's read types: anyevent.pl NAME PORT
use strict;
use warnings;
use AnyEvent;
use AnyEvent::Handle;
use AnyEvent::Socket;

my ($name, $port) = @ARGV;
my %handles;

my %echo = (
    raw => sub {
        my ($handle) = @_;
        $handle->on_read(sub { $_[0]->push_write(delete $_[0]{rbuf}); $_[0]{rbuf} = '' });
    },
    line => sub {
        my ($handle) = @_;
        $handle->on_read(sub { $_[0]->push_read(line => sub { $_[0]->push_write("$_[1]\n") }) });
    },
    u32be => sub {
        my ($handle) = @_;
        $handle->on_read(sub { $_[0]->push_read(packstring => 'N', sub { $_[0]->push_write(packstring => 'N', $_[1]) }) });
    },
    netstring => sub {
        my ($handle) = @_;
        $handle->on_read(sub { $_[0]->push_read(netstring => sub { $_[0]->push_write(netstring => $_[1]) }) });
    },
);

my $guard = tcp_server '127.0.0.1', $port, sub {
    my ($socket) = @_;
    my $handle = AnyEvent::Handle->new(
        fh => $socket,
        no_delay => 1,
        on_error => sub { delete $handles{$_[0]}; $_[0]->destroy },
        on_eof => sub { $_[0]->on_drain(sub { delete $handles{$_[0]}; $_[0]->destroy }) },
    );
    $handles{$handle} = $handle;
    $echo{$name}->($handle);
}, sub { 1024 };

AnyEvent->condvar->recv;
