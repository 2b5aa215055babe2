"""Runs a program on a terminal of its own, as its foreground.

stdin takes a line each: `size COLUMNS ROWS`, `type TEXT` (with escapes), `continue` (what a shell's fg does). stdout has what the
terminal shows. stderr has `stopped` or `ended CODE` when the program has. At the end of stdin the program is told to end.
"""
import fcntl, os, pty, select, signal, struct, sys, termios

program, terminal = pty.fork()
if program == 0:
    os.execv(sys.argv[1], sys.argv[1:])


def obey(line):
    verb, _, rest = line.partition(' ')
    if verb == 'size':
        columns, rows = map(int, rest.split())
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    elif verb == 'type':
        os.write(terminal, rest.encode().decode('unicode_escape').encode())
    elif verb == 'continue':
        os.kill(program, signal.SIGCONT)


sources, pending = [0, terminal], ''
while True:
    for source in select.select(sources, [], [], 0.05)[0]:
        try:
            read = os.read(source, 65536)
        except OSError:
            read = b''
        if source == terminal:
            os.write(1, read)
            if not read:
                sources.remove(terminal)
        elif read:
            *lines, pending = (pending + read.decode()).split('\n')
            for line in lines:
                obey(line)
        else:
            sources.remove(0)
            os.kill(program, signal.SIGTERM)
            os.kill(program, signal.SIGCONT)
    found, status = os.waitpid(program, os.WNOHANG | os.WUNTRACED)
    if found and os.WIFSTOPPED(status):
        os.write(2, b'stopped\n')
    elif found:
        os.write(2, b'ended %d\n' % os.waitstatus_to_exitcode(status))
        break
