%% Each bundled app does over Cowboy what its page says, on HTTP/1.1 and on HTTP/2.
-module(gwport_apps_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_http_client, [open/1, close/1, ask/2, call/2, start/2, send/3, head/1, piece/2, rest/1,
    header/2, lines/1, fields/1]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() -> gwport_test:mounts([{group, h1}, {group, h2}], [{Proto, [], cases()} || Proto <- [h1, h2]]).

cases() -> [
    every_app_answers_a_browser_and_a_plain_client,
    hello_says_to_whom,
    the_environ_page_escapes_what_a_client_sends,
    echo_gives_the_body_back_with_its_type,
    upload_hashes_what_arrives,
    upload_takes_a_browsers_form,
    files_are_served_with_their_types,
    files_give_ranges,
    a_download_of_any_size_is_what_it_says,
    events_arrive_while_the_stream_goes_on,
    an_event_stream_ends_when_its_client_leaves,
    the_gateway_app_counts_behind_its_middlewares,
    longpoll_answers_when_somebody_rings,
    a_message_answers_the_requests_that_wait_for_it,
    who_leaves_while_it_waits_leaves_nothing,
    who_waits_past_the_deadline_is_answered_by_the_host,
    the_triple_app_answers_with_erlang_gos_values,
    a_route_without_a_name_gets_the_programs_unnamed_app
].

init_per_group(Proto, Config) when Proto =:= h1; Proto =:= h2 ->
    [{proto, Proto} | Config];
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Server = gwport_test:start(#{routes => [
        fun(Pool) -> {"/", #{pool => Pool}} end,
        fun(Pool) -> {"/brief/[...]", #{pool => Pool, app => message, deadline => 200}} end]}),
    [{server, Server} | Config].

end_per_group(Proto, _) when Proto =:= h1; Proto =:= h2 -> ok;
end_per_group(_, Config) -> gwport_test:stop(proplists:get_value(server, Config)).

every_app_answers_a_browser_and_a_plain_client(Config) ->
    %% An HTML page for the one; whatever the app is about for the other.
    [#{apps := Apps}] = gwport_test:ports(proplists:get_value(server, Config)),
    [begin
        Page = ask(Config, #{path => ["/", App], headers => [{<<"accept">>, <<"text/html,*/*">>}]}),
        ?assertMatch({App, #{status := 200, complete := true}}, {App, Page}),
        _ = [?assertEqual({App, <<"text/html; charset=utf-8">>}, {App, header(<<"content-type">>, Page)})
            || App =/= <<"hello">>],
        ?assertMatch({App, #{status := 200}},
            {App, ask(Config, #{method => <<"HEAD">>, path => ["/", App]})})
    end || App <- Apps, App =/= <<>>, string:prefix(App, "gwport.") =:= nomatch].

hello_says_to_whom(Config) ->
    %% The query is the app's.
    ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, ask(Config, "/hello")),
    ?assertMatch(#{status := 200, body := <<"Hello Jö from Go\n"/utf8>>}, ask(Config, "/hello?name=J%c3%b6")).

the_environ_page_escapes_what_a_client_sends(Config) ->
    %% A header or a path with markup in it is text on the page.
    Headers = [{<<"accept">>, <<"text/html">>}, {<<"x-evil">>, <<"<script>alert(1)</script>">>}],
    #{status := 200, body := Body} = ask(Config, #{path => "/environ/%3Cb%3E?q=<i>", headers => Headers}),
    [?assertEqual({Markup, nomatch}, {Markup, string:find(Body, Markup)})
        || Markup <- ["<script>alert", "<b>", "<i>"]],
    [?assertNotEqual({Text, nomatch}, {Text, string:find(Body, Text)})
        || Text <- ["&lt;script&gt;alert", "/&lt;b&gt;", "HTTP_X_EVIL", "SERVER_PROTOCOL"]].

echo_gives_the_body_back_with_its_type(Config) ->
    %% With the length that the client gave.
    Response = ask(Config, #{path => "/echo", body => <<"{}">>, headers => [{<<"content-type">>, <<"application/json">>}]}),
    ?assertMatch(#{status := 200, body := <<"{}">>}, Response),
    ?assertEqual(<<"application/json">>, header(<<"content-type">>, Response)),
    ?assertEqual(<<"2">>, header(<<"content-length">>, Response)).

upload_hashes_what_arrives(Config) ->
    %% Size and SHA-256 of a body of known or unknown length, by POST or PUT.
    [begin
        #{status := 200, body := Answer} = ask(Config, #{method => Method, path => "/upload", body => Body}),
        ?assertEqual(digest(Data), Answer)
    end || Data <- [<<>>, <<"x">>, lines(1000000)], Body <- [Data, {unknown, [Data]}],
        Method <- [<<"POST">>, <<"PUT">>]].

digest(Data) ->
    iolist_to_binary(["{\"bytes\":", integer_to_list(byte_size(Data)), ",\"sha256\":\"",
        string:lowercase(binary:encode_hex(crypto:hash(sha256, Data))), "\"}\n"]).

upload_takes_a_browsers_form(Config) ->
    %% The first file of a multipart form; without one it is the client's mistake.
    File = lines(200000),
    Form = fun(Disposition) -> #{path => "/upload",
        headers => [{<<"content-type">>, <<"multipart/form-data; boundary=xyz">>}],
        body => ["--xyz\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--xyz\r\n",
            "content-disposition: form-data; name=\"file\"", Disposition, "\r\n\r\n", File, "\r\n--xyz--\r\n"]}
    end,
    Digest = digest(File),
    ?assertMatch(#{status := 200, body := Digest}, ask(Config, Form("; filename=\"a.txt\""))),
    ?assertMatch(#{status := 400, body := <<"upload: the form has no file\n">>}, ask(Config, Form(""))).

files_are_served_with_their_types(Config) ->
    %% From inside the program; nothing outside of its folder.
    Text = ask(Config, "/files/hello.txt"),
    ?assertMatch(#{status := 200}, Text),
    ?assertEqual(<<"text/plain; charset=utf-8">>, header(<<"content-type">>, Text)),
    ?assertEqual(<<"image/svg+xml">>, header(<<"content-type">>, ask(Config, "/files/gwport.svg"))),
    [?assertMatch({Path, #{status := 404}}, {Path, ask(Config, Path)})
        || Path <- ["/files/none.txt", "/files/..%2fapps.go", "/files/%2e%2e%2fapps.go"]],
    ?assertMatch(#{status := 405}, ask(Config, #{method => <<"DELETE">>, path => "/files/hello.txt"})).

files_give_ranges(Config) ->
    %% One range, several, the last bytes, none that can be; a range of an older version is the whole.
    Range = fun(Value, More) ->
        ask(Config, #{path => "/files/big?bytes=100000", headers => [{<<"range">>, Value} | More]})
    end,
    Whole = lines(100000),
    Part = Range(<<"bytes=16-31">>, []),
    ?assertMatch(#{status := 206, body := <<"000000000000001\n">>}, Part),
    ?assertEqual(<<"bytes 16-31/100000">>, header(<<"content-range">>, Part)),
    Last = binary:part(Whole, 99990, 10),
    ?assertMatch(#{status := 206, body := Last}, Range(<<"bytes=-10">>, [])),
    ?assertMatch(#{status := 206, body := Last}, Range(<<"bytes=99990-">>, [{<<"if-range">>, <<"\"big-100000\"">>}])),
    ?assertMatch(#{status := 200, body := Whole}, Range(<<"bytes=99990-">>, [{<<"if-range">>, <<"\"big-1\"">>}])),
    None = Range(<<"bytes=100000-">>, []),
    ?assertMatch(#{status := 416}, None),
    ?assertEqual(<<"bytes */100000">>, header(<<"content-range">>, None)),
    Several = Range(<<"bytes=0-15,32-47">>, []),
    ?assertMatch(#{status := 206, complete := true}, Several),
    ?assertMatch(<<"multipart/byteranges", _/binary>>, header(<<"content-type">>, Several)),
    ?assertMatch(#{status := 304, body := <<>>},
        ask(Config, #{path => "/files/big?bytes=100000", headers => [{<<"if-none-match">>, <<"\"big-100000\"">>}]})).

a_download_of_any_size_is_what_it_says(Config) ->
    %% Generated while it is sent, with its length; the lines know their own numbers.
    [begin
        Expected = lines(Size),
        Response = ask(Config, ["/files/big?bytes=", integer_to_list(Size)]),
        ?assertMatch({Size, #{status := 200, complete := true, body := Expected}}, {Size, Response}),
        ?assertEqual(integer_to_binary(Size), header(<<"content-length">>, Response))
    end || Size <- [0, 1, 65536, 3000000]],
    ?assertMatch(#{status := 400}, ask(Config, "/files/big?bytes=x")).

events_arrive_while_the_stream_goes_on(Config) ->
    %% The first two, a second apart, of a stream that would not end.
    Client = open(Config),
    Stream = events(Client, "/events"),
    Head = head(Stream),
    ?assertMatch(#{status := 200}, Head),
    ?assertEqual(<<"text/event-stream">>, header(<<"content-type">>, Head)),
    Event = fun(N) -> iolist_to_binary(["id: ", integer_to_list(N), "\ndata: "]) end,
    ok = await_text(Stream, Event(2), <<>>),
    {info, _, _} = leave(Client).

%% A client of events leaves. Whoever goes on behind this does not take the line of the log that
%% says so for one of its own.
leave(Client) ->
    Log = gwport_test:capture_log(),
    try
        close(Client),
        gwport_test:expect_log("events: the stream has ended")
    after
        gwport_test:release_log(Log)
    end.

%% A GET whose response is read bit by bit.
events(Client, Path) ->
    start(Client, #{method => <<"GET">>, path => Path, headers => [{<<"content-length">>, <<"0">>}]}).

await_text(Stream, Text, Seen) ->
    case binary:match(Seen, Text) of
        nomatch -> await_text(Stream, Text, <<Seen/binary, (piece(Stream, 1))/binary>>);
        _ -> ok
    end.

an_event_stream_ends_when_its_client_leaves(Config) ->
    %% The app says so in the log: context.Cause is that the client is gone.
    Client = open(Config),
    Stream = events(Client, "/events/stream"),
    #{status := 200} = head(Stream),
    _ = piece(Stream, 1),
    {info, Text, #{pool := _}} = leave(Client),
    ?assertMatch({match, _}, re:run(Text, "sent=[1-9]")).

the_gateway_app_counts_behind_its_middlewares(Config) ->
    %% A bridge.App: POST counts and sends the browser back, to where the app is mounted.
    Count = fun() ->
        #{status := 200, body := Body} = ask(Config, "/gateway"),
        {match, [N]} = re:run(Body, "<output>([0-9]+)</output>", [{capture, all_but_first, list}]),
        list_to_integer(N)
    end,
    Before = Count(),
    Post = ask(Config, #{path => "/gateway", body => <<>>, headers => [{<<"x-request-id">>, <<"abc-1">>}]}),
    ?assertMatch(#{status := 303, body := <<>>}, Post),
    ?assertEqual(<<"/gateway">>, header(<<"location">>, Post)),
    ?assertEqual(<<"abc-1">>, header(<<"x-request-id">>, Post)),
    ?assertMatch(<<"app;dur=", _/binary>>, header(<<"server-timing">>, Post)),
    ?assertEqual(Before + 1, Count()),
    Page = ask(Config, #{path => "/gateway", headers => [{<<"accept-encoding">>, <<"gzip">>}]}),
    ?assertMatch({match, _}, re:run(zlib:gunzip(maps:get(body, Page)), "<output>[0-9]+</output>")),
    ?assertMatch(#{status := 304, body := <<>>},
        ask(Config, #{path => "/gateway", headers => [{<<"if-none-match">>, header(<<"etag">>, Page)}]})),
    Put = ask(Config, #{method => <<"PUT">>, path => "/gateway", headers => [{<<"x-request-id">>, <<"a\"b">>}]}),
    ?assertMatch(#{status := 405, body := <<"Method Not Allowed\n">>}, Put),
    ?assertEqual(<<"GET, HEAD, POST">>, header(<<"allow">>, Put)),
    %% A name that is not harmless is not taken over.
    ?assertNotEqual(<<"a\"b">>, header(<<"x-request-id">>, Put)).

longpoll_answers_when_somebody_rings(Config) ->
    %% A bridge.Deferred: woken, polled, and at once where it has rung already; or after its time.
    #{status := 200, body := Before} = ask(Config, "/longpoll"),
    Next = fun(More) -> ["/longpoll/next?after=", string:trim(Before), More] end,
    Clients = [{Client, events(Client, Next(More))} || More <- ["", "&polled"], Client <- [open(Config)]],
    #{status := 204, body := <<>>} = ask(Config, Next("&s=0")),
    #{status := 200, body := After} = ask(Config, #{path => "/longpoll", body => <<>>}),
    ?assertEqual(binary_to_integer(string:trim(Before)) + 1, binary_to_integer(string:trim(After))),
    [begin
        ?assertMatch(#{status := 200, body := After, complete := true}, rest(Stream)),
        close(Client)
    end || {Client, Stream} <- Clients],
    ?assertMatch(#{status := 200, body := After}, ask(Config, Next(""))).

a_message_answers_the_requests_that_wait_for_it(Config) ->
    %% All of them; who waits for another box waits on.
    Box = box(),
    Clients = [{Client, events(Client, ["/message/", B])} || B <- [Box, Box, [Box, "-other"]], Client <- [open(Config)]],
    waiting(3, Config),
    ?assertMatch(#{status := 200, body := <<"2\n">>}, post(Config, ["/message/", Box], <<"Tea is ready.">>)),
    [?assertMatch(#{status := 200, body := <<"Tea is ready.">>, complete := true}, rest(Stream))
        || {_, Stream} <- lists:droplast(Clients)],
    waiting(1, Config),
    ?assertMatch(#{status := 404}, post(Config, ["/message/", Box], <<"Too late.">>)),
    [close(Client) || {Client, _} <- Clients],
    waiting(0, Config).

who_leaves_while_it_waits_leaves_nothing(Config) ->
    %% Neither a stream of its port nor a place in the app, which would take a message.
    Box = box(),
    Client = open(Config),
    _ = events(Client, ["/message/", Box]),
    waiting(1, Config),
    close(Client),
    waiting(0, Config),
    ?assertMatch(#{status := 404}, post(Config, ["/message/", Box], <<"Anybody?">>)).

who_waits_past_the_deadline_is_answered_by_the_host(Config) ->
    %% 504, and the app has forgotten it.
    Box = box(),
    ?assertMatch(#{status := 504}, ask(Config, ["/brief/", Box])),
    waiting(0, Config),
    ?assertMatch(#{status := 404}, post(Config, ["/brief/", Box], <<"Anybody?">>)).

box() -> integer_to_list(erlang:unique_integer([positive])).

post(Config, Path, Text) -> ask(Config, #{method => <<"POST">>, path => Path, body => Text}).

%% So many requests wait, by the app's word, and so many are under way, by the port's.
waiting(N, Config) ->
    Count = iolist_to_binary([integer_to_list(N), "\n"]),
    gwport_test:until(fun() ->
        #{status := 200, body := Body} = ask(Config, "/message"),
        Body =:= Count
    end),
    gwport_test:until(fun() ->
        N =:= lists:sum([InFlight || #{in_flight := InFlight} <- gwport_test:ports(proplists:get_value(server, Config))])
    end).

the_triple_app_answers_with_erlang_gos_values(Config) ->
    %% Status and reason, headers, and a body that is iodata, as erlang_go's terms.
    Response = ask(Config, #{method => <<"POST">>, path => "/triple"}),
    ?assertMatch(#{status := 200, complete := true}, Response),
    ?assertEqual(case proplists:get_value(proto, Config) of h1 -> <<"Fine">>; h2 -> <<>> end,
        maps:get(reason, Response)),
    ?assertEqual(<<"v2">>, header(<<"x-erlang-go">>, Response)),
    ?assertEqual(<<"text/html; charset=utf-8">>, header(<<"content-type">>, Response)),
    ?assertNotEqual(nomatch, string:find(maps:get(body, Response), "<!-- asked for with POST -->\n")).

a_route_without_a_name_gets_the_programs_unnamed_app(Config) ->
    %% The bundled program's is a list of the others.
    #{status := 200, body := Lines} = ask(Config, "/"),
    ?assertNotEqual(nomatch, string:find(Lines, "hello\tHello from Go")),
    #{status := 200, body := Page} = ask(Config, #{path => "/", headers => [{<<"accept">>, <<"text/html">>}]}),
    [?assertNotEqual({Name, nomatch}, {Name, string:find(Page, ["href=\"/", Name])}) || Name <- ["hello", "triple"]].
