package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
)

// monitored is what the HTTP endpoints need of a broker.
type monitored interface {
	// livez says what hangs; "" if nothing does.
	livez() string
	// readyz says why the node should get no clients; "" if it should.
	readyz() string
	clusterHealth() (clusterAnswer, error)
	sample() []metric
	// waits lists what is pending in the broker's loops, and what it waits for.
	waits() []string
	waiting() drive.NodeWaits
}

// monitorHandler serves a broker's endpoints. They are for operators: clients should not
// be able to reach the listener. No endpoint changes anything.
func monitorHandler(m monitored) http.Handler {
	mux := http.NewServeMux()
	handleHealth(mux, m)
	mux.Handle("GET /metrics", metricsHandler(m))
	mux.HandleFunc("GET /debug/stacks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(allStacks())
	})
	mux.HandleFunc("GET /debug/waits", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("format") == "json" {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(m.waiting()) // the client may be gone
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		for _, line := range m.waits() {
			fmt.Fprintln(w, line)
		}
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "/livez\n/readyz\n/healthz\n/cluster/health\n"+
			"/metrics\n/debug/pprof/\n/debug/stacks\n/debug/waits\n")
	})
	return mux
}

// serveHTTP serves the endpoints at addr until stop is called. If addr is empty it serves
// nothing.
func serveHTTP(addr string, m monitored, log *drive.Log) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("http.listener: %w", err)
	}
	server := &http.Server{
		Handler: monitorHandler(m), ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: stdlog.New(log.Writer(event.HTTPFailed), "", 0),
	}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Write(event.New(event.HTTPFailed, event.Err(err)))
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // ends a long profile, too
		}
	}, nil
}

// allStacks returns the stacks of all goroutines, at most 64 MiB.
func allStacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= 64<<20 {
			return buf[:n]
		}
	}
}
