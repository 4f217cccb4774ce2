%% What binds a host of SPEC.md, rule by rule: test/mirror plays the program's side, tells what is to be asked of it,
%% and makes the report. This suite is the client, and starts the pools; it knows of no rule.
-module(gwport_mirror_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([on_one_port, on_ports_of_their_own, greetings, a_greeting_that_is_held, the_report,
        nothing_leaks], []).

init_per_group(Mount, Config0) ->
    gwport_test:mount(Mount),
    Config = [{mirror, gwport_probe:build("mirror")} | Config0],
    Log = gwport_probe:start_log(),
    Report = filename:join(proplists:get_value(priv_dir, Config), atom_to_list(Mount) ++ ".jsonl"),
    Warm = serve(#{args => "", host => ""}, [{report, Report ++ ".warm"} | Config]),
    #{status := 200} = gwport_test:get(Warm, "/ok"),
    gwport_probe:stop(Warm),
    [{report, Report}, {log, Log}, {scripts, scripts(Config)}, {counts, gwport_probe:counts()} | Config].

end_per_group(_, Config) ->
    gwport_probe:stop_log(proplists:get_value(log, Config)).

on_one_port(Config) ->
    %% What does not end the port is asked side by side on one, which then has no stream left.
    Server = serve(#{args => "", host => ""}, Config),
    OsPid = gwport_test:os_pid(Server),
    Scripts = [Script || Script <- scripts(fun is_plain/1, Config), not is_crowd(Script)],
    side_by_side(8, fun(Script) -> play(Script, Server, Config) end, Scripts),
    gwport_test:until(fun() -> in_flight(Server) =:= 0 end),
    ?assertEqual(OsPid, gwport_test:os_pid(Server)),
    gwport_probe:stop(Server).

on_ports_of_their_own(Config) ->
    %% What ends the port, needs many clients, or a host or a program that is set in another way.
    Scripts = scripts(fun(Script = #{client := Client}) ->
        Client =/= "none" andalso (is_crowd(Script) orelse not is_plain(Script)) end, Config),
    side_by_side(8, fun(Script) -> alone(Script, Config) end, Scripts).

greetings(Config) ->
    %% Programs that greet in odd ways; nobody asks them anything.
    Scripts = scripts(fun(#{client := Client, path := Path}) -> Client =:= "none" andalso Path =/= "held" end, Config),
    side_by_side(10, fun(Script = #{path := Path}) ->
        Server = serve(Script, Config),
        await_verdict(Path, Config),
        gwport_probe:stop(Server)
    end, Scripts).

a_greeting_that_is_held(Config) ->
    %% Until ready is there the host says nothing but hello. A pool starts when its program is greeted: the program
    %% is told to go on from beside.
    [Script] = scripts(fun(#{path := Path}) -> Path =:= "held" end, Config),
    Socket = filename:join(os:getenv("TMPDIR", "/tmp"), "mirror-" ++ os:getpid()),
    {ok, Listener} = gen_tcp:listen(0, [{ifaddr, {local, Socket}}, {active, false}]),
    _ = spawn_link(fun() ->
        {ok, Held} = gen_tcp:accept(Listener, 10000),
        ok = gen_tcp:close(Held)
    end),
    Server = serve(Script#{args := "--life=held,--hold=" ++ Socket}, Config),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/ok")),
    ok = gen_tcp:close(Listener),
    ok = file:delete(Socket),
    gwport_probe:stop(Server).

the_report(Config) ->
    %% No rule that binds a host is broken, and none went untested.
    Text = run(["--read", proplists:get_value(report, Config)], Config),
    Lines = string:split(string:trim(Text), "\n", all),
    ct:pal("~s~n", [Text]),
    io:format(user, "~s~n", [lists:last(Lines)]),
    ?assertEqual([], [Line || Line <- lists:droplast(Lines), string:prefix(Line, "pass") =:= nomatch]).

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

%% The scripts

%% Lines of key=value, of which `mirror --scripts` says what they mean.
scripts(Config) ->
    [script(Line) || Line <- string:lexemes(run(["--scripts"], Config), "\n")].

script(Line) ->
    Script = maps:from_list([begin
        [Key, Value] = string:split(Field, "="),
        {list_to_atom(Key), Value}
    end || Field <- string:lexemes(Line, " ")]),
    maps:map(fun(Key, Value) ->
        case lists:member(Key, [body, header, times]) of
            true -> list_to_integer(Value);
            false -> Value
        end
    end, Script).

scripts(Is, Config) ->
    lists:filter(Is, proplists:get_value(scripts, Config)).

is_plain(#{args := "", host := "", ends := "no"}) -> true;
is_plain(_) -> false.

is_crowd(#{times := Times}) -> Times > 1.

run(Args, Config) ->
    Port = open_port({spawn_executable, proplists:get_value(mirror, Config)}, [{args, Args}, exit_status, stream]),
    output(Port, []).

output(Port, Acc) ->
    receive
        {Port, {data, Data}} -> output(Port, [Acc, Data]);
        {Port, {exit_status, _}} -> lists:flatten(Acc)
    end.

%% A pool of the mirror, with the options that a script needs on either side. A request is in one program: the next one
%% would end with it as well.
serve(#{args := Args, host := Host}, Config) ->
    Pool = #{command => proplists:get_value(mirror, Config),
        args => ["--report", proplists:get_value(report, Config) | string:lexemes(Args, ",")]},
    gwport_probe:serve(lists:foldl(fun option/2, Pool, string:lexemes(Host, ",")), #{replay => false}).

option(Option, Pool) ->
    [Name, Value] = string:split(Option, "="),
    Pool#{list_to_existing_atom(Name) => list_to_integer(Value)}.

alone(Script, Config) ->
    Server = serve(Script, Config),
    _ = gwport_probe:await_ports(Server, 1),
    play(Script, Server, Config),
    gwport_probe:stop(Server).

play(Script = #{path := Path, times := Times}, Server, Config) ->
    side_by_side(Times, fun(_) -> note(Path, ask(Script, Server, Config), Config) end, lists:seq(1, Times)),
    maps:get(header, Script) > 0 orelse await_verdict(Path, Config).

in_flight(Server) ->
    lists:sum([N || #{in_flight := N} <- gwport_test:ports(Server)]).

%% The report's file

%% What a client got, as a line of JSON; one write for each.
note(Path, Got, Config) ->
    #{status := Status, complete := Complete, informs := Informs, body := Body} = Got,
    ok = file:write_file(proplists:get_value(report, Config), io_lib:format(
        "{\"client\":\"~s\",\"code\":~b,\"whole\":~p,\"informs\":~b,\"crc\":~b}~n",
        [Path, Status, Complete, length(Informs), erlang:crc32(Body)]), [append]).

%% A script goes on when its client has its answer.
await_verdict(Path, Config) ->
    gwport_test:until(fun() -> has(["\"script\":\"", Path, "\""], Config) end).

has(Part, Config) ->
    {ok, Report} = file:read_file(proplists:get_value(report, Config)),
    binary:match(Report, iolist_to_binary(Part)) =/= nomatch.

%% The client

ask(Script = #{client := "drain"}, Server = #{pool := Pool}, Config) ->
    Self = self(),
    Tag = make_ref(),
    {ok, [#{owner := Owner}]} = gwport:info(Pool),
    spawn_link(fun() -> Self ! {Tag, ask(Script#{client := ""}, Server, Config)} end),
    gwport_test:until(fun() -> maps:get(in_flight, gwport_port:info(Owner)) =:= 1 end),
    ok = gwport_port:drain(Owner),
    #{status := Status} = gwport_test:get(Server, "/ok"),
    ?assert(lists:member(Status, [200, 503])),
    receive {Tag, Got} -> Got end;
ask(Script, Server, Config) ->
    Socket = gwport_test:connect(Server),
    ok = inet:setopts(Socket, [{buffer, 65536}]), %% a header line must fit in it
    try
        send_head(Script, Socket),
        send_body(Script, Socket),
        Got = receive_answer(Script, Socket),
        linger(Script, Config),
        Got
    catch
        error:{badmatch, {error, _}} -> nothing()
    after
        gwport_test:close(Socket)
    end.

%% A client that hangs up is heard of by its program: most stay until the script has had its say.
linger(#{client := Client}, _) when Client =:= "leaves"; Client =:= "left" -> ok;
linger(#{header := Header}, _) when Header > 0 -> ok;
linger(#{path := Path}, Config) -> await_verdict(Path, Config).

nothing() -> #{status => 0, complete => false, informs => [], body => <<>>}.

send_head(Script = #{method := Method, path := Path, header := Header}, Socket) ->
    ok = gen_tcp:send(Socket, [Method, " /", Path, " HTTP/1.1\r\nhost: localhost\r\n",
        [["x-pad: ", lists:duplicate(Header, $x), "\r\n"] || Header > 0], framing(Script), "\r\n"]).

framing(#{framing := "length", body := Size}) -> ["content-length: ", integer_to_list(Size), "\r\n"];
framing(#{framing := "chunked"}) -> "transfer-encoding: chunked\r\n";
framing(#{framing := "continue", body := Size}) ->
    ["expect: 100-continue\r\ncontent-length: ", integer_to_list(Size), "\r\n"];
framing(#{method := "POST"}) -> "content-length: 0\r\n";
framing(_) -> "".

%% A client that waits or leaves keeps half of it to itself. Who is answered early may find the connection closed.
send_body(#{framing := "continue", client := "waits"}, _) ->
    ok;
send_body(#{framing := "continue", body := Size}, Socket) ->
    {ok, <<"HTTP/1.1 100 Continue\r\n\r\n">>} = gen_tcp:recv(Socket, 25, 20000),
    send_bytes(pattern(Size), Socket);
send_body(#{framing := Framing, client := Client, body := Size}, Socket) ->
    Half = lists:member(Client, ["waits", "leaves"]),
    Body = pattern(case Half of true -> Size div 2; false -> Size end),
    case Framing of
        "chunked" -> send_bytes([integer_to_list(byte_size(Body), 16), "\r\n", Body, "\r\n", ["0\r\n\r\n" || not Half]], Socket);
        _ -> send_bytes(Body, Socket)
    end.

send_bytes(Data, Socket) ->
    _ = gen_tcp:send(Socket, Data),
    ok.

pattern(Size) ->
    Period = << <<I>> || I <- lists:seq(0, 250) >>,
    binary:part(binary:copy(Period, Size div 251 + 1), 0, Size).

receive_answer(#{client := Client}, Socket) when Client =:= "leaves"; Client =:= "left" ->
    _ = gwport_test:recv_head(Socket),
    nothing();
receive_answer(#{method := "HEAD"}, Socket) ->
    (gwport_test:recv_head(Socket))#{body => <<>>, complete => true};
receive_answer(#{framing := "continue", client := ""}, Socket) ->
    Got = gwport_test:recv(Socket),
    Got#{informs := [100 | maps:get(informs, Got)]};
receive_answer(_, Socket) ->
    gwport_test:recv(Socket).

%% Runs a function on all elements, so many at a time.
side_by_side(Most, Fun, List) ->
    {Now, Later} = lists:split(min(Most, length(List)), List),
    run_all([aside(Fun, Element) || Element <- Now], Fun, Later).

run_all([], _, []) ->
    ok;
run_all(Running, Fun, Later) ->
    receive
        {'DOWN', Monitor, process, _, Reason} ->
            {value, {_, Element}, Left} = lists:keytake(Monitor, 1, Running),
            ?assertMatch({normal, _}, {Reason, Element}),
            {Next, Rest} = lists:split(min(1, length(Later)), Later),
            run_all([aside(Fun, E) || E <- Next] ++ Left, Fun, Rest)
    end.

aside(Fun, Element) ->
    {_, Monitor} = spawn_monitor(fun() -> Fun(Element) end),
    {Monitor, Element}.
