package etf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// add is what an Erlang program sends as {add, Id, [Integer]}.
type add struct {
	_       struct{} `etf:",record=add"`
	ID      int
	Numbers []int64
}

// sum is what it is answered, {sum, Id, Integer}.
type sum struct {
	_   struct{} `etf:",record=sum"`
	ID  int
	Sum int64
}

// What answerPort does is all of a port program: an Erlang program that opened it
// by open_port({spawn_executable, Program}, [{packet, 4}, binary]) sends it terms
// and gets a term for each. It is given os.Stdin and os.Stdout then, as a test does
// with testdata/port.escript.
func ExampleDecoder() {
	var stdin, stdout bytes.Buffer
	_ = etf.NewEncoder(&stdin, etf.Packet4).Encode(add{ID: 1, Numbers: []int64{1, 2, 3}})
	answerPort(&stdin, &stdout)

	var answer sum
	err := etf.NewDecoder(&stdout, etf.Packet4).Decode(&answer)
	fmt.Println(answer.ID, answer.Sum, err)
	// Output: 1 6 <nil>
}

func answerPort(stdin io.Reader, stdout io.Writer) {
	requests, answers := etf.NewDecoder(stdin, etf.Packet4), etf.NewEncoder(stdout, etf.Packet4)
	for {
		var request add
		err := requests.Decode(&request)
		if bad := (*etf.UnmarshalError)(nil); errors.As(err, &bad) {
			_ = answers.Encode(etf.Tuple{etf.Atom("error"), bad.Error()})
			continue // the next request is behind it
		}
		if err != nil {
			return // the port was closed
		}
		answer := &sum{ID: request.ID}
		for _, n := range request.Numbers {
			answer.Sum += n
		}
		if answers.Encode(answer) != nil {
			return
		}
	}
}

// portMode has this test's own program be a port program.
const portMode = "ETF_TEST_PORT"

func TestMain(m *testing.M) {
	if os.Getenv(portMode) != "" {
		answerPort(os.Stdin, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

func TestAPortProgramTalksToErlang(t *testing.T) {
	escript, err := exec.LookPath("escript")
	if err != nil {
		t.Skip("no escript on this machine")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(escript, "testdata/port.escript", program)
	cmd.Env = append(os.Environ(), portMode+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, `{add,1,[1,2,3]} -> {sum,1,6}
{add,2,[1099511627776,-1]} -> {sum,2,1099511627775}
{add,3,[]} -> {sum,3,0}
{add,4,nonsense} -> {error,<<"etf: at byte 11, in numbers: atom where list is wanted">>}
`, string(out))
}
