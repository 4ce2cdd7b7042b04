// Command probe is a static network client and server for test Pods. Debian's static busybox can't look up names.
//
//	probe serve ADDRESS TEXT          answer every HTTP request with TEXT, until told to end
//	probe get URL [CA-FILE]           print the answer's body; exit 1 unless its status is 2xx
//	probe put URL TEXT [CA-FILE]      the same, sending TEXT
//	probe tcp HOST:PORT               exit 0 when a connection opens within 2 seconds
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const patience = 2 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: probe serve|get|put|tcp TARGET ...")
	}
	rest := args[2:]
	switch args[0] {
	case "serve":
		return serve(args[1], strings.Join(rest, " "))
	case "get":
		return ask(http.MethodGet, args[1], "", rest)
	case "put":
		if len(rest) == 0 {
			return errors.New("usage: probe put URL TEXT [CA-FILE]")
		}
		return ask(http.MethodPut, args[1], rest[0], rest[1:])
	case "tcp":
		connection, err := net.DialTimeout("tcp", args[1], patience)
		if err == nil {
			err = connection.Close()
		}
		return err
	}
	return fmt.Errorf("probe does not know %q", args[0])
}

func serve(address, text string) error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-ended; os.Exit(0) }()
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, text)
	}))
}

func ask(method, url, body string, authority []string) error {
	client := http.Client{Timeout: patience}
	if len(authority) > 0 {
		pem, err := os.ReadFile(authority[0])
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	}
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %s", method, url, answer.Status)
	}
	return nil
}
