/* License. */
package org.example;

import java.util.List;
//               ^^^^ import
import java.io.*;
//     ^^^^^^^ import "java.io"
import static org.example.Limits.MAX;
//                               ^^^ import

/**
 * Routes requests to a {@link Handler}.
 * @author nobody
 */
@Component
public class Router<T extends Route> extends Base implements Closeable {
//           ^^^^^^ class Router 11-23,29-32,42-48 doc="Routes requests to a Handler. @author nobody"
//                                           ^^^^ type
//                                                           ^^^^^^^^^ type
    private final List<Route> routes = new ArrayList<>();
//                                         ^^^^^^^^^ call

    Router(List<Route> routes) {
//  ^^^^^^ method Router.Router
        super(routes);
    }

    /** Finds one. */
    @Override
//   ^^^^^^^^ call
    @Timed("x")
    public <R> Route find(String path) throws Missing {
//                   ^^^^ method Router.find 28-41 doc="Finds one."
//                                            ^^^^^^^ type
        // phantom is not called.
//         ^^^^^^^ nothing
        routes.forEach(this::check);
//                           ^^^^^ call
        return Finder.search(routes, MAX);
//                    ^^^^^^ call
    }
    abstract void reset();
//                ^^^^^ nothing

    static class Entry {}
//               ^^^^^ class Router.Entry

}

interface Handler {
//        ^^^^^^^ interface Handler
    void handle(Request request);
    default int order() { return 0; }
//              ^^^^^ method Handler.order
}

enum Level {
//   ^^^^^ enum Level
    LOW, HIGH;

    boolean high() { return this == HIGH; }
//          ^^^^ method Level.high
}

record Point(int x, int y) {
//     ^^^^^ class Point
    Point { check(x); }
//  ^^^^^ method Point.Point
//          ^^^^^ call
}

@interface Marker {}
//         ^^^^^^ interface Marker
