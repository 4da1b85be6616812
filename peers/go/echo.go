// Go's standard library: echo NAME PORT
package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"os"
)

// A larger message is refused.
const largest = 64 << 20

func whole(c net.Conn) {
	data, _ := io.ReadAll(c)
	c.Write(data)
}

func lines(c net.Conn) {
	received := bufio.NewReader(c)
	for {
		line, err := received.ReadBytes('\n')
		if err != nil {
			return
		}
		if _, err := c.Write(line); err != nil {
			return
		}
	}
}

func scanner(c net.Conn) {
	scanner := bufio.NewScanner(c)
	for scanner.Scan() {
		if _, err := c.Write(append(scanner.Bytes(), '\n')); err != nil {
			return
		}
	}
}

func u32be(c net.Conn) {
	received := bufio.NewReader(c)
	for {
		var size uint32
		if binary.Read(received, binary.BigEndian, &size) != nil || size > largest {
			return
		}
		frame := make([]byte, 4+size)
		binary.BigEndian.PutUint32(frame, size)
		if _, err := io.ReadFull(received, frame[4:]); err != nil {
			return
		}
		if _, err := c.Write(frame); err != nil {
			return
		}
	}
}

func uvarint(c net.Conn) {
	received := bufio.NewReader(c)
	for {
		size, err := binary.ReadUvarint(received)
		if err != nil || size > largest {
			return
		}
		prefix := binary.AppendUvarint(nil, size)
		frame := make([]byte, len(prefix)+int(size))
		copy(frame, prefix)
		if _, err := io.ReadFull(received, frame[len(prefix):]); err != nil {
			return
		}
		if _, err := c.Write(frame); err != nil {
			return
		}
	}
}

func fixed(c net.Conn) {
	record := make([]byte, 16)
	for {
		if _, err := io.ReadFull(c, record); err != nil {
			return
		}
		if _, err := c.Write(record); err != nil {
			return
		}
	}
}

func main() {
	echo := map[string]func(net.Conn){
		"copy":    func(c net.Conn) { io.Copy(c, c) },
		"whole":   whole,
		"lines":   lines,
		"scanner": scanner,
		"u32be":   u32be,
		"uvarint": uvarint,
		"fixed":   fixed,
	}[os.Args[1]]
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	if err != nil {
		panic(err)
	}
	for {
		c, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			defer c.Close()
			echo(c)
		}()
	}
}
