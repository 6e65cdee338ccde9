; C#. Members without a body (interface members, abstract and partial methods, automatic properties, fields) stay in
; their type. Attributes are a part of each declaration's node.

; ---- members ---------------------------------------------------------------------------------------------------------

(method_declaration name: (identifier) @name body: (_) @body) @definition.method
(constructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(destructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(operator_declaration operator: _ @name body: (_) @body) @definition.method
(conversion_operator_declaration type: (_) @name body: (_) @body) @definition.method

(property_declaration name: (identifier) @name value: (arrow_expression_clause) @body) @definition.method
(property_declaration
  name: (identifier) @name
  accessors: (accessor_list . (accessor_declaration body: (_))) @body) @definition.method
(indexer_declaration "this" @name accessors: (accessor_list . (accessor_declaration body: (_))) @body) @definition.method
(indexer_declaration "this" @name value: (arrow_expression_clause) @body) @definition.method
(event_declaration name: (identifier) @name accessors: (accessor_list) @body) @definition.method

; Functions of a file with top-level statements.
(global_statement
  (local_function_statement name: (identifier) @name body: (_) @body) @definition.function)

; ---- types -----------------------------------------------------------------------------------------------------------

(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(struct_declaration name: (identifier) @name body: (_) @body) @definition.class
(record_declaration name: (identifier) @name body: (_) @body) @definition.class
(record_declaration name: (identifier) @name !body) @definition.class
(interface_declaration name: (identifier) @name body: (_) @body) @definition.interface
(enum_declaration name: (identifier) @name body: (_) @body) @definition.enum
(delegate_declaration name: (identifier) @name) @definition.type
(namespace_declaration name: (_) @name body: (_) @body) @definition.module

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(invocation_expression
  function: [
    (identifier) @reference.call
    (generic_name (identifier) @reference.call)
    (member_access_expression name: (identifier) @reference.call)
    (member_access_expression name: (generic_name (identifier) @reference.call))
    (conditional_access_expression (member_binding_expression name: (identifier) @reference.call))
    (conditional_access_expression
      (member_binding_expression name: (generic_name (identifier) @reference.call)))
  ])
(object_creation_expression
  type: [
    (identifier) @reference.call
    (generic_name (identifier) @reference.call)
    (qualified_name name: (identifier) @reference.call)
  ])

(_ type: (identifier) @reference.type)
(_ returns: (identifier) @reference.type)
(generic_name (identifier) @reference.type)
(type_argument_list (identifier) @reference.type)
(base_list (identifier) @reference.type)
(base_list (primary_constructor_base_type type: (identifier) @reference.type))
(nullable_type type: (identifier) @reference.type)
(qualified_name name: (identifier) @reference.type)
(as_expression right: (identifier) @reference.type)
(is_expression right: (identifier) @reference.type)
(attribute name: (identifier) @reference.type)

(member_access_expression expression: (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(argument (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(argument (member_access_expression name: (identifier) @reference.name))
(assignment_expression right: (member_access_expression name: (identifier) @reference.name))
(assignment_expression right: (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(binary_expression (member_access_expression name: (identifier) @reference.name))
(binary_expression (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(return_statement (member_access_expression name: (identifier) @reference.name))
(return_statement (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(arrow_expression_clause (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(arrow_expression_clause (member_access_expression name: (identifier) @reference.name))
(variable_declarator (member_access_expression name: (identifier) @reference.name))
(constant_pattern (member_access_expression name: (identifier) @reference.name))
(constant_pattern (identifier) @reference.name)

; ---- imports ---------------------------------------------------------------------------------------------------------

(using_directive !name [(identifier) (qualified_name)] @import.module) @import
(using_directive name: (identifier) @import.name [(qualified_name) (generic_name)] @import.module) @import
