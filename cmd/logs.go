package cmd

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/logging" // the encoder named below
)

// calmLogging lets through what is at least of a level, without the form of a
// server's log.
func calmLogging(level string) *caddy.Logging {
	return &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{
			Level:      level,
			EncoderRaw: json.RawMessage(`{"format":"console","level_format":"lower","time_key":"","name_key":"","caller_key":""}`),
		}},
	}}
}

// calmLogs is for everything that is logged while no config is provisioned. What
// the config's adapter warns of is said by `caddy run` and `caddy validate`.
func calmLogs() error {
	_, err := caddy.ProvisionContext(&caddy.Config{Logging: calmLogging("ERROR")})
	return err
}
