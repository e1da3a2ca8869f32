package main

import (
	"context"
	"errors"
)

const childCommand = "child"

func runChild([]string) int                               { return 2 }
func measureFlood(context.Context, *lab) (*report, error) { return nil, errors.New("todo") }
func measureSize(context.Context, *lab) (*report, error)  { return nil, errors.New("todo") }
func measureTimes(context.Context, *lab) (*report, error) { return nil, errors.New("todo") }
