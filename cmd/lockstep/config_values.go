package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/meta"
)

// setter parses values of a key and stores them.
type setter struct {
	kind meta.ConfigType // as DescribeConfigs answers it
	take func(value string) error
}

func setString(to *string) setter {
	return setter{meta.ConfigString, func(value string) error {
		*to = value
		return nil
	}}
}

func setInt(to *int64, least, most int64) setter {
	return setter{meta.ConfigLong, func(value string) error {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return errors.New("not a whole number")
		}
		if n < least || n > most {
			return fmt.Errorf("not between %d and %d", least, most)
		}
		*to = n
		return nil
	}}
}

func setMs(to *time.Duration, least time.Duration) setter {
	return setter{meta.ConfigLong, func(value string) error {
		var n int64
		if err := setInt(&n, least.Milliseconds(), 1<<31-1).take(value); err != nil {
			return err
		}
		*to = time.Duration(n) * time.Millisecond
		return nil
	}}
}

func setBool(to *bool) setter {
	return setter{meta.ConfigBool, func(value string) error {
		if value != "true" && value != "false" {
			return errors.New("neither true nor false")
		}
		*to = value == "true"
		return nil
	}}
}

// setOneOf takes one of a few words.
func setOneOf(to *string, words ...string) setter {
	return setter{meta.ConfigString, func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("not one of %s", strings.Join(words, ", "))
		}
		*to = value
		return nil
	}}
}

func setLevel(to *event.Level) setter {
	return setter{meta.ConfigString, func(value string) error {
		for _, l := range []event.Level{event.Info, event.Warn, event.Error} {
			if strings.EqualFold(l.String(), value) {
				*to = l
				return nil
			}
		}
		return errors.New("not one of info, warn, error")
	}}
}

func setShards(to *int) setter {
	return setter{meta.ConfigInt, func(value string) error {
		var n int64
		if err := setInt(&n, 0, 256).take(value); err != nil {
			return err
		}
		*to = int(n)
		if n == 0 {
			*to = defaultShards()
		}
		return nil
	}}
}

func setCluster(to *[16]byte) setter {
	return setter{meta.ConfigString, func(value string) error {
		raw, err := hex.DecodeString(value)
		if len(value) == uuidChars {
			raw, err = base64.RawURLEncoding.DecodeString(value)
		}
		if err != nil || len(raw) != len(to) {
			return errors.New("neither 32 hex digits nor the 22 characters of a Kafka UUID")
		}
		copy(to[:], raw)
		if *to == [16]byte{} {
			return errors.New("must not be zero")
		}
		return nil
	}}
}

func setDir(to *string) setter {
	return setter{meta.ConfigList, func(value string) error {
		if strings.Contains(value, ",") {
			return errors.New("more than one directory; a node keeps all its data in one")
		}
		*to = value
		return nil
	}}
}

// setListener takes Kafka's form PLAINTEXT://host:port.
func setListener(to *string) setter {
	return setter{meta.ConfigList, func(value string) error {
		if strings.Contains(value, ",") {
			return errors.New("more than one listener; give one")
		}
		protocol, addr, ok := strings.Cut(value, "://")
		if !ok {
			return errors.New("not of the form PLAINTEXT://host:port")
		}
		if !strings.EqualFold(protocol, "PLAINTEXT") {
			return fmt.Errorf("protocol %s is not supported, only PLAINTEXT", protocol)
		}
		return setAddress(to).take(addr)
	}}
}

func setAddress(to *string) setter {
	return setter{meta.ConfigString, func(value string) error {
		if value == "" {
			*to = ""
			return nil
		}
		host, port, err := splitAddress(value)
		if err != nil {
			return err
		}
		*to = joinAddress(host, port)
		return nil
	}}
}

// setVoters takes Kafka's form id@host:port,id@host:port.
func setVoters(to *[]voter) setter {
	return setter{meta.ConfigList, func(value string) error {
		var voters []voter
		for _, entry := range strings.Split(value, ",") {
			id, addr, ok := strings.Cut(strings.TrimSpace(entry), "@")
			var v voter
			if err := setInt(&v.node, 1, 1<<31-1).take(id); !ok || err != nil {
				return fmt.Errorf("%q is not of the form id@host:port with an id from 1", entry)
			}
			host, port, err := splitAddress(addr)
			if err != nil {
				return fmt.Errorf("%q: %w", entry, err)
			}
			if wildcard(host) {
				return fmt.Errorf("%q: other nodes need a host to connect to", entry)
			}
			v.addr = joinAddress(host, port)
			for _, other := range voters {
				if other.node == v.node || other.addr == v.addr {
					return fmt.Errorf("%q: the id or the address is listed twice", entry)
				}
			}
			voters = append(voters, v)
		}
		*to = voters
		return nil
	}}
}

// splitAddress takes "host:port" with a port from 1: port 0 could not be advertised.
func splitAddress(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, errors.New("not of the form host:port")
	}
	if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("port %q is not between 1 and 65535", text)
	}
	return host, port, nil
}

func joinAddress(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr) // addr has been checked
	return host
}

func wildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// withHost replaces a host that stands for all interfaces.
func withHost(addr string, name func() (string, error)) (string, error) {
	host, port, err := splitAddress(addr)
	if err != nil || !wildcard(host) {
		return addr, err
	}
	if host, err = name(); err != nil {
		return "", err
	}
	return joinAddress(host, port), nil
}

func shiftPort(addr string, by int) (string, error) {
	host, port, err := splitAddress(addr)
	if err != nil {
		return "", err
	}
	if port+by > 65535 {
		return "", fmt.Errorf("port %d + %d is not a port", port, by)
	}
	return joinAddress(host, port+by), nil
}
