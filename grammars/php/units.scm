; PHP. Members without a body (interface members, abstract methods, properties, constants) stay in their class.
; Attributes are a part of each declaration's node.

; ---- functions and methods -------------------------------------------------------------------------------------------

(function_definition name: (name) @name body: (_) @body) @definition.function
(method_declaration name: (name) @name body: (_) @body) @definition.method
(property_declaration
  (property_element name: (variable_name (name) @name))
  (property_hook_list) @body) @definition.method

; $name = function () { … };
(program
  (expression_statement
    (assignment_expression
      left: (variable_name (name) @name)
      right: [(anonymous_function body: (_) @body) (arrow_function body: (_) @body)])) @definition.function)

; ---- types -----------------------------------------------------------------------------------------------------------

(class_declaration name: (name) @name body: (_) @body) @definition.class
(trait_declaration name: (name) @name body: (_) @body) @definition.class
(interface_declaration name: (name) @name body: (_) @body) @definition.interface
(enum_declaration name: (name) @name body: (_) @body) @definition.enum
(namespace_definition name: (namespace_name) @name body: (_) @body) @definition.module

; $name = new class { … };
(assignment_expression
  left: (variable_name (name) @name)
  right: (object_creation_expression (anonymous_class body: (_) @body))) @definition.class

; ---- constants -------------------------------------------------------------------------------------------------------

(const_declaration . (const_element . (name) @name)) @definition.constant
(program
  (expression_statement
    (assignment_expression left: (variable_name (name) @name) right: (array_creation_expression)))
  @definition.constant)
(expression_statement
  (function_call_expression
    function: (name) @_define
    arguments: (arguments . (argument (string (string_content) @name))))
  (#eq? @_define "define")) @definition.constant

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(function_call_expression function: [(name) (qualified_name) (relative_name)] @reference.call)
(member_call_expression name: (name) @reference.call)
(nullsafe_member_call_expression name: (name) @reference.call)
(scoped_call_expression name: (name) @reference.call)
(object_creation_expression [(name) (qualified_name) (relative_name)] @reference.call)

(named_type [(name) (qualified_name) (relative_name)] @reference.type)
(base_clause [(name) (qualified_name) (relative_name)] @reference.type)
(class_interface_clause [(name) (qualified_name) (relative_name)] @reference.type)
(use_declaration [(name) (qualified_name) (relative_name)] @reference.type)
(attribute . [(name) (qualified_name) (relative_name)] @reference.type)
(scoped_call_expression scope: [(name) (qualified_name) (relative_name)] @reference.type)
(scoped_property_access_expression scope: [(name) (qualified_name) (relative_name)] @reference.type)
(class_constant_access_expression . [(name) (qualified_name) (relative_name)] @reference.type . (name))
(class_constant_access_expression (name) @reference.name .)
(binary_expression operator: "instanceof" right: [(name) (qualified_name) (relative_name)] @reference.type)

(argument (name) @reference.name)
(binary_expression [left: (name) @reference.name right: (name) @reference.name])
(return_statement (name) @reference.name)
(array_element_initializer (name) @reference.name)

; ---- imports ---------------------------------------------------------------------------------------------------------

(namespace_use_declaration
  (namespace_use_clause
    . [
      (name) @import.module @import.name
      (qualified_name (name) @import.name) @import.module
    ])) @import
(namespace_use_declaration
  (namespace_name) @import.module
  body: (namespace_use_group
    (namespace_use_clause . [(name) @import.name (qualified_name (name) @import.name)]))) @import
([
  (require_expression (string (string_content) @import.module))
  (require_once_expression (string (string_content) @import.module))
  (include_expression (string (string_content) @import.module))
  (include_once_expression (string (string_content) @import.module))
  (require_expression (binary_expression right: (string (string_content) @import.module)))
  (require_once_expression (binary_expression right: (string (string_content) @import.module)))
  (include_expression (binary_expression right: (string (string_content) @import.module)))
  (include_once_expression (binary_expression right: (string (string_content) @import.module)))
]) @import
