; Ruby. Everything with `def` is a method, at the top level too. Constants of a class stay in it.

; ---- methods ---------------------------------------------------------------------------------------------------------

(method name: (_) @name body: (_)? @body) @definition.method

; `def self.x` belongs to the class around it; `def Thing.x` outside a class to Thing.
(program (singleton_method object: (constant) @scope name: (_) @name body: (_)? @body) @definition.method)
(program (singleton_method object: [(self) (identifier)] name: (_) @name body: (_)? @body) @definition.method)
(body_statement (singleton_method name: (_) @name body: (_)? @body) @definition.method)
(argument_list (singleton_method name: (_) @name body: (_)? @body) @definition.method)
(then (singleton_method name: (_) @name body: (_)? @body) @definition.method)
(else (singleton_method name: (_) @name body: (_)? @body) @definition.method)

(call
  method: (identifier) @_define
  arguments: (argument_list . [(simple_symbol) @name (string (string_content) @name)])
  block: (_ body: (_) @body)
  (#any-of? @_define "define_method" "define_singleton_method")) @definition.method

; ---- classes and modules -----------------------------------------------------------------------------------------------

(class
  name: [(constant) @name (scope_resolution scope: (_) @scope name: (constant) @name)]
  body: (body_statement)? @body) @definition.class
(module
  name: [(constant) @name (scope_resolution scope: (_) @scope name: (constant) @name)]
  body: (body_statement)? @body) @definition.module

(assignment
  left: (constant) @name
  right: (call
    receiver: (constant) @_base
    method: (identifier)
    block: (_ body: (_) @body))
  (#any-of? @_base "Struct" "Class" "Module" "Data")) @definition.class

; ---- blocks of the usual languages inside Ruby: specs, tests, tasks, routes ------------------------------------------------

(call
  method: (identifier) @_group
  arguments: (argument_list . [(string (string_content) @name) (constant) @name (scope_resolution) @name])
  block: (do_block body: (_) @body)
  (#any-of? @_group
    "describe" "context" "feature" "shared_examples" "shared_examples_for" "shared_context" "namespace")
  ) @definition.module

(call
  method: (identifier) @_block
  arguments: (argument_list . (string (string_content) @name))
  block: (do_block body: (_) @body)
  (#any-of? @_block
    "it" "specify" "scenario" "test" "should" "task" "get" "post" "put" "patch" "delete" "head" "options")
  ) @definition.function

; ---- constants -------------------------------------------------------------------------------------------------------

(program (assignment left: (constant) @name right: [(array) (hash) (call !block) (string) (integer) (heredoc_beginning)])
  @definition.constant)

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(call method: [(identifier) (constant)] @reference.call)
(body_statement (identifier) @reference.call)
(block_body (identifier) @reference.call)
(block_argument (simple_symbol) @reference.call)
(call receiver: (identifier) @reference.name (#match? @reference.name "_|[?!]$"))
(argument_list (identifier) @reference.name (#match? @reference.name "_|[?!]$"))
(if condition: (identifier) @reference.call)
(if_modifier condition: (identifier) @reference.call)
(unless condition: (identifier) @reference.call)
(unless_modifier condition: (identifier) @reference.call)
(constant) @reference.type

; ---- imports ---------------------------------------------------------------------------------------------------------

(call
  method: (identifier) @_require
  arguments: (argument_list . (string (string_content) @import.module))
  (#any-of? @_require "require" "require_relative" "load")) @import
(call
  method: (identifier) @_autoload
  arguments: (argument_list . (simple_symbol) @import.name . (string (string_content) @import.module))
  (#eq? @_autoload "autoload")) @import
