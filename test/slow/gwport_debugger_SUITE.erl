%% A program under the debugger, as erlang/doc/operate.md says how: delve starts it, and what it prints keeps out of the frames.
-module(gwport_debugger_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0]).
-export([a_program_that_stands_still_under_delve_goes_on/1]).

-define(DELVE, "github.com/go-delve/delve/cmd/dlv@v1.27.2").

all() -> [a_program_that_stands_still_under_delve_goes_on].

suite() -> [{timetrap, {minutes, 8}}].

a_program_that_stands_still_under_delve_goes_on(Config) ->
    %% It is halted for twenty times the interval of pings. Who asks waits, and is answered by the same program when it
    %% goes on.
    Dir = proplists:get_value(priv_dir, Config),
    Delve = delve(Dir),
    Flowport = gwport_probe:build("flowport"),
    Log = filename:join(Dir, "dlv.log"),
    Server = gwport_probe:flow(#{pool => #{command => Delve, args => ["exec", Flowport, "--headless",
        "--accept-multiclient", "--continue", "--listen=127.0.0.1:0", "--log-dest=" ++ Log],
        greeting_timeout => 60000, ping_interval => 100, ping_timeout => infinity, drain_timeout => 1000}}, []),
    OsPid = gwport_test:os_pid(Server),
    try stands_still_and_goes_on(Server, OsPid, Log)
    after gwport_probe:stop(Server)
    end,
    ?assert(gwport_probe:gone(OsPid)).

stands_still_and_goes_on(Server, OsPid, Log) ->
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    Socket = connect(Log),
    halted(Socket),
    Self = self(),
    Client = spawn_link(fun() -> Self ! {self(), gwport_test:get(Server, "/hello")} end),
    receive {Client, Early} -> error({answered_while_halted, Early}) after 2000 -> ok end,
    ok = command("continue", Socket),
    receive {Client, Answer} -> ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, Answer) end,
    ?assertEqual(OsPid, gwport_test:os_pid(Server)),
    ok = gen_tcp:close(Socket).

delve(Dir) ->
    Go = open_port({spawn_executable, os:find_executable("go")}, [exit_status, stderr_to_stdout, binary,
        {args, ["install", ?DELVE]}, {env, [{"GOBIN", Dir}, {"GOFLAGS", ""}]}, {cd, Dir}]),
    installed(Go, []),
    filename:join(Dir, "dlv").

installed(Go, Said) ->
    receive
        {Go, {data, Data}} -> installed(Go, [Said, Data]);
        {Go, {exit_status, 0}} -> ok;
        {Go, {exit_status, Status}} -> error({go_install, Status, iolist_to_binary(Said)})
    end.

%% It says in its log where it listens.
connect(Log) ->
    {ok, Text} = file:read_file(Log),
    {match, [Port]} = re:run(Text, "listening at: 127\\.0\\.0\\.1:([0-9]+)", [{capture, all_but_first, list}]),
    {ok, Socket} = gen_tcp:connect("127.0.0.1", list_to_integer(Port), [binary, {active, false}]),
    Socket.

command(Name, Socket) ->
    gen_tcp:send(Socket, ["{\"method\":\"RPCServer.Command\",\"params\":[{\"name\":\"", Name, "\"}],\"id\":1}\n"]).

%% The answer, a line, comes when it stands still.
halted(Socket) ->
    ok = command("halt", Socket),
    Answer = line(Socket, <<>>),
    ?assertNotEqual({Answer, nomatch}, {Answer, string:find(Answer, "\"error\":null")}).

line(Socket, Before) ->
    {ok, More} = gen_tcp:recv(Socket, 0, 20000),
    case <<Before/binary, More/binary>> of
        Answer when binary_part(Answer, byte_size(Answer), -1) =:= <<"\n">> -> Answer;
        Part -> line(Socket, Part)
    end.
