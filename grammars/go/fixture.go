// Package router finds handlers.
package router

import (
	"net/http"
//	 ^^^^^^^^ import "net/http"
	log "example.org/log"
//	     ^^^^^^^^^^^^^^^ import "example.org/log"
)

// Modes of a route.
const (
	Exact Mode = iota
//	^^^^^ constant Exact 11-16 doc="Modes of a route."
	Prefix
)

var version = "1"

// Router routes.
// It is safe.
type Router struct {
//   ^^^^^^ class Router 20-26 doc="Router routes. It is safe."
	routes map[string]Handler
//	                  ^^^^^^^ type
}

type Mode int
//   ^^^^ type Mode

// Handler handles.
type Handler interface {
//   ^^^^^^^ interface Handler
	Handle(w http.ResponseWriter)
//	         ^^^^ nothing
}

type (
	pair struct{ a, b int }
//	^^^^ class pair
	alias = pair
//	^^^^^ type alias
)

// New makes one.
func New[T any](options ...Option) *Router {
//   ^^^ function New 45-51 doc="New makes one."
	return &Router{routes: load(options, fallback)}
//	                       ^^^^ call
//	                                     ^^^^^^^^ name
}

/*
ServeHTTP serves.
*/
func (r *Router) ServeHTTP(w http.ResponseWriter, q *http.Request) {
//               ^^^^^^^^^ method Router.ServeHTTP 53-67 doc="ServeHTTP serves."
	// missing is not called.
//	   ^^^^^^^ nothing
	defer log.Close()
//	          ^^^^^ call
	handler := func() { r.find(q) }
//	                      ^^^^ call
	if handler != nil {
		handler()
	}
}

func (Mode) String() string { return version }
//          ^^^^^^ method Mode.String
//                                   ^^^^^^^ name
