package pkpd

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// A SpecError says what is wrong in a Spec, and where.
type SpecError struct {
	Where  string // for example: states[1] "A2", derivative
	Expr   string // the expression, if it is about one
	Column int    // from 1, in characters; 0 if it is not about a place in Expr
	Msg    string
}

func (e *SpecError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pkpd: %s: ", e.Where)
	if e.Column > 0 {
		fmt.Fprintf(&b, "column %d: ", e.Column)
	}
	b.WriteString(e.Msg)
	if e.Expr != "" {
		fmt.Fprintf(&b, "\n  %s", e.Expr)
		if e.Column > 0 {
			fmt.Fprintf(&b, "\n  %s^", strings.Repeat(" ", e.Column-1))
		}
	}
	return b.String()
}

// functions of one argument that expressions may use.
var functions = map[string]op{
	"exp": opExp, "log": opLog, "ln": opLog, "log10": opLog10, "sqrt": opSqrt, "tanh": opTanh, "sin": opSin, "cos": opCos,
}

const allowedFunctions = "cos, exp, ln, log, log10, pow, sin, sqrt, tanh"

var operators = map[string]op{
	"+": opAdd, "-": opSub, "*": opMul, "/": opDiv, "^": opPow, "**": opPow,
	"<": opLess, "<=": opLessEq, "==": opEqual, "and": opAnd, "&&": opAnd, "or": opOr, "||": opOr,
}

// A scope says what the names in an expression mean.
type scope struct {
	tape  *tape
	names map[string]int // node
	known func() string  // for errors
}

// compile parses src and appends it to the tape. The syntax is that of the expr
// language; its meaning is ours, because we need derivatives: numbers, names,
// + − * / ^, the functions above, comparisons with and, or, not, and c ? a : b.
func (s *scope) compile(where, src string) (int, error) {
	fail := func(column int, format string, args ...any) error {
		return &SpecError{Where: where, Expr: src, Column: column, Msg: fmt.Sprintf(format, args...)}
	}
	if strings.TrimSpace(src) == "" {
		return 0, &SpecError{Where: where, Msg: "an expression is missing"}
	}
	if strings.ContainsAny(src, "\n\r\t") {
		src = strings.Join(strings.Fields(src), " ") // so that a column is a place
	}
	tree, err := parser.Parse(src)
	if err != nil {
		if fe := (*file.Error)(nil); errors.As(err, &fe) {
			return 0, fail(fe.Column+1, "%s", fe.Message)
		}
		return 0, fail(0, "%v", err)
	}
	var walk func(n ast.Node) (int, error)
	walkAll := func(list ...ast.Node) (out [3]int, err error) {
		for i, n := range list {
			if out[i], err = walk(n); err != nil {
				return out, err
			}
		}
		return out, nil
	}
	call := func(n ast.Node, name string, args []ast.Node) (int, error) {
		col := n.Location().From + 1
		if name == "pow" {
			if len(args) != 2 {
				return 0, fail(col, "pow takes two arguments, not %d", len(args))
			}
			x, err := walkAll(args...)
			return s.tape.safe(err, node{op: opPow, a: x[0], b: x[1]})
		}
		f, ok := functions[name]
		if !ok {
			return 0, fail(col, "unknown function %q; allowed: %s", name, allowedFunctions)
		}
		if len(args) != 1 {
			return 0, fail(col, "%s takes one argument, not %d", name, len(args))
		}
		x, err := walkAll(args...)
		return s.tape.safe(err, node{op: f, a: x[0]})
	}
	walk = func(n ast.Node) (int, error) {
		col := n.Location().From + 1
		switch n := n.(type) {
		case *ast.IntegerNode:
			return s.tape.add(node{op: opConst, value: float64(n.Value)}), nil
		case *ast.FloatNode:
			return s.tape.add(node{op: opConst, value: n.Value}), nil
		case *ast.IdentifierNode:
			i, ok := s.names[n.Value]
			if !ok {
				return 0, fail(col, "unknown name %q; known: %s", n.Value, s.known())
			}
			return i, nil
		case *ast.UnaryNode:
			x, err := walkAll(n.Node)
			switch n.Operator {
			case "-":
				return s.tape.safe(err, node{op: opNeg, a: x[0]})
			case "+":
				return x[0], err
			case "not", "!":
				return s.tape.safe(err, node{op: opNot, a: x[0]})
			}
			return 0, fail(col, "operator %q is not allowed here", n.Operator)
		case *ast.BinaryNode:
			x, err := walkAll(n.Left, n.Right)
			switch n.Operator {
			case ">":
				return s.tape.safe(err, node{op: opLess, a: x[1], b: x[0]})
			case ">=":
				return s.tape.safe(err, node{op: opLessEq, a: x[1], b: x[0]})
			}
			o, ok := operators[n.Operator]
			if !ok {
				return 0, fail(col, "operator %q is not allowed; allowed: + - * / ^ < <= > >= == and or not ?:", n.Operator)
			}
			return s.tape.safe(err, node{op: o, a: x[0], b: x[1]})
		case *ast.ConditionalNode:
			x, err := walkAll(n.Cond, n.Exp1, n.Exp2)
			return s.tape.safe(err, node{op: opIf, a: x[0], b: x[1], c: x[2]})
		case *ast.CallNode:
			if id, ok := n.Callee.(*ast.IdentifierNode); ok {
				return call(n, id.Value, n.Arguments)
			}
		case *ast.BuiltinNode:
			return call(n, n.Name, n.Arguments)
		}
		return 0, fail(col, "want a number: names, + - * / ^, conditions c ? a : b and the functions %s are allowed", allowedFunctions)
	}
	i, err := walk(tree.Node)
	if err != nil {
		return 0, err
	}
	if n := s.tape.nodes[i]; n.op == opConst && (math.IsNaN(n.value) || math.IsInf(n.value, 0)) {
		return 0, fail(0, "the value is %v", n.value)
	}
	return i, nil
}

// safe is add unless there was an error.
func (tp *tape) safe(err error, n node) (int, error) {
	if err != nil {
		return 0, err
	}
	return tp.add(n), nil
}

// identifier reports whether a name can stand in an expression.
func identifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	_, function := functions[s]
	return s != "" && s != "t" && !function && !slices.Contains(reserved, s)
}

// reserved words of the syntax.
var reserved = []string{"and", "contains", "else", "endsWith", "false", "if", "in", "let", "matches", "nil", "not", "or", "pow", "startsWith", "true"}
