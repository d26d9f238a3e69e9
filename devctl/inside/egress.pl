# What egress.py does, for images that have perl and no Python.
# Usage: egress.pl SOCKET PORT COMMAND...
use strict;
use warnings;
use POSIX ();
use Socket;

my ($path, $port, @command) = @ARGV;
$^F = 2;
socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, sockaddr_in($port, INADDR_LOOPBACK)) or die "bind: $!\n";
listen($listener, 64) or die "listen: $!\n";
if (fork() == 0) {
    POSIX::setsid();
    open(STDIN, '<', '/dev/null');
    open(STDOUT, '>', '/dev/null');
    open(STDERR, '>', '/dev/null');
    $SIG{CHLD} = 'IGNORE';
    serve();
}
exec { $command[0] } @command or do { print STDERR "$command[0]: $!\n"; POSIX::_exit(127); };

sub serve {
    while (1) {
        accept(my $inner, $listener) or next;
        next if fork() != 0;
        socket(my $outer, PF_UNIX, SOCK_STREAM, 0) or POSIX::_exit(1);
        connect($outer, sockaddr_un($path)) or POSIX::_exit(1);
        my $back = fork();
        if ($back == 0) { pump($outer, $inner); POSIX::_exit(0); }
        pump($inner, $outer);
        POSIX::_exit(0);
    }
}

sub pump {
    my ($source, $target) = @_;
    $SIG{PIPE} = 'IGNORE';
    while (my $read = sysread($source, my $data, 65536)) {
        my $sent = 0;
        while ($sent < $read) {
            my $count = syswrite($target, $data, $read - $sent, $sent);
            last unless defined $count;
            $sent += $count;
        }
        last if $sent < $read;
    }
    shutdown($target, 1);
}
