%% The middlewares gwport_mw_..., held to the vectors that Go's are held to, and what is Erlang's alone.
-module(gwport_mw_tests).

-include_lib("eunit/include/eunit.hrl").

%% Vectors

vectors_test_() ->
    Vectors = vectors(),
    ?assert(length(Vectors) > 100),
    [{lists:concat([binary_to_list(Name), ", ", Form]), fun() -> check(Form, Vector) end}
        || {Name, Vector} <- Vectors, Form <- [whole, blocks, closed_blocks, deferred],
            is_of(Form, one(<<"form">>, Vector, any))].

is_of(_, any) -> true;
is_of(Form, <<"whole">>) -> Form =:= whole orelse Form =:= deferred;
is_of(Form, <<"blocks">>) -> Form =:= blocks orelse Form =:= closed_blocks.

vectors() ->
    Root = filename:dirname(filename:dirname(proplists:get_value(source, gwport:module_info(compile)))),
    {ok, Text} = file:read_file(filename:join([Root, "test", "vectors", "middleware.txt"])),
    cases([binary:split(Line, <<":">>) || Line <- binary:split(Text, <<"\n">>, [global, trim_all]),
        binary:first(Line) =/= $#]).

cases([]) -> [];
cases([[<<"case">>, Name] | Lines]) ->
    {Vector, Rest} = lists:splitwith(fun([Key | _]) -> Key =/= <<"case">> end, Lines),
    [{value(Name), [{Key, value(Value)} || [Key, Value] <- Vector]} | cases(Rest)].

value(<<" ", Value/binary>>) -> Value;
value(<<>>) -> <<>>.

all(Key, Vector) -> proplists:get_all_values(Key, Vector).

one(Key, Vector, Otherwise) -> proplists:get_value(Key, Vector, Otherwise).

pair(Line, At) ->
    case binary:split(Line, At) of
        [Name, Value] -> {Name, Value};
        [Name] -> {Name, none}
    end.

around(Vector, Mounted) ->
    With = binary_to_existing_atom(<<"gwport_mw_", (one(<<"with">>, Vector, none))/binary>>),
    Options = maps:from_list([option(pair(Line, <<" ">>)) || Line <- all(<<"option">>, Vector)]),
    With:around(case With of
        gwport_mw_prefix -> Options#{app => Mounted};
        _ -> Options
    end).

option({<<"users">>, Users}) -> {users, maps:from_list([pair(User, <<":">>) || User <- words(Users)])};
option({Name, Value}) -> {binary_to_existing_atom(Name), option(Name, Value)}.

option(_, <<"true">>) -> true;
option(Name, Number) when Name =:= <<"min_size">>; Name =:= <<"max_age">> -> binary_to_integer(Number);
option(Name, Value) ->
    case lists:member(Name, [<<"origins">>, <<"methods">>, <<"headers">>, <<"expose">>, <<"types">>]) of
        true -> words(Value);
        false -> Value
    end.

words(Text) -> binary:split(Text, <<" ">>, [global]).

environ(Vector) ->
    {Method, Target} = pair(one(<<"request">>, Vector, <<"GET /">>), <<" ">>),
    {Path, Query} = pair(Target, <<"?">>),
    gwport_environ:environ(#{<<"method">> => Method, <<"path">> => Path, <<"query">> => none(Query),
        <<"version">> => {1, 1}, <<"scheme">> => <<"http">>, <<"host">> => <<"example.org">>, <<"port">> => 80,
        <<"peer">> => {<<"192.0.2.7">>, 51234}, <<"local">> => {<<"192.0.2.1">>, 80}, <<"path_info">> => 99,
        <<"headers">> => [{gwport_field:lower(Name), Value}
            || Line <- all(<<"field">>, Vector), {Name, Value} <- [pair(Line, <<": ">>)]]}).

none(none) -> <<>>;
none(Query) -> Query.

text(Vector) ->
    case one(<<"bytes">>, Vector, none) of
        none -> <<"hello">>;
        Count -> binary:copy(<<"x">>, binary_to_integer(Count))
    end.

response(Form, Vector) ->
    {binary_to_integer(one(<<"status">>, Vector, <<"200">>)),
        [pair(Line, <<": ">>) || Line <- all(<<"header">>, Vector)], body(Form, text(Vector))}.

body(blocks, Text) ->
    {fun([]) -> stop; ([Block | Rest]) -> {continue, Block, Rest} end, halves(Text)};
body(closed_blocks, Text) ->
    Test = self(),
    {fun([Block]) -> {stop, Block}; ([Block | Rest]) -> {continue, Block, Rest} end, halves(Text),
        fun() -> Test ! closed end};
body(_, Text) ->
    [Text].

halves(Text) ->
    <<Half:(byte_size(Text) div 2)/binary, Rest/binary>> = Text,
    [Half, <<>>, Rest].

check(Form, Vector) ->
    App = fun(Name) ->
        fun(Environ) ->
            self() ! {reached, Name, Environ},
            case Form of
                deferred -> fun() -> response(whole, Vector) end;
                _ -> response(Form, Vector)
            end
        end
    end,
    Result = (gwport_gateway:chain(App(<<"app">>), [around(Vector, App(<<"mounted">>))]))(environ(Vector)),
    {Status, Headers, Body} = now_there(Result),
    {Reached, Environ} = receive {reached, Name, Seen} -> {Name, Seen} after 0 -> {<<"no">>, #{}} end,
    ?assertEqual(one(<<"reached">>, Vector, <<"app">>), Reached),
    [case pair(Line, <<"=">>) of
        {Key, none} -> ?assertNot(is_map_key(Key, Environ));
        {Key, Value} -> ?assertEqual({Key, Value}, {Key, maps:get(Key, Environ)})
    end || Line <- all(<<"sees">>, Vector)],
    ?assertEqual(one(<<"expect">>, Vector, none), integer_to_binary(Status)),
    [?assertEqual(Line, <<Name/binary, ": ", (joined(Name, Headers))/binary>>)
        || Line <- all(<<"has">>, Vector), {Name, _} <- [pair(Line, <<": ">>)]],
    [?assertEqual({Name, <<>>}, {Name, joined(Name, Headers)}) || Name <- all(<<"lacks">>, Vector)],
    Said = said(Body, Headers),
    case one(<<"says">>, Vector, any) of
        any when Reached =:= <<"no">>; Status >= 300 -> ok;
        any -> ?assertEqual(text(Vector), Said);
        Says -> ?assertEqual(Says, string:trim(Said, trailing))
    end,
    [?assertEqual(once, receive closed -> receive closed -> twice after 0 -> once end after 0 -> never end)
        || Form =:= closed_blocks, Reached =/= <<"no">>].

now_there(Deferred) when is_function(Deferred, 0) -> Deferred();
now_there(Response) -> Response.

joined(Name, Headers) ->
    iolist_to_binary(lists:join(", ", [Value || {Other, Value} <- Headers, gwport_field:lower(Other) =:= Name])).

said(Body, Headers) ->
    Bytes = iolist_to_binary(blocks(Body)),
    case joined(<<"content-encoding">>, Headers) of
        <<"gzip">> -> zlib:gunzip(Bytes);
        _ -> Bytes
    end.

%% All of a body, which is closed then.
blocks({Next, State, Close}) ->
    Blocks = blocks({Next, State}),
    _ = Close(),
    Blocks;
blocks({Next, State}) ->
    case Next(State) of
        {continue, Block, After} -> [Block | blocks({Next, After})];
        {stop, Block} -> [Block];
        stop -> []
    end;
blocks(Body) -> [Body].

%% Options

wrong_options_are_named_test_() ->
    [{lists:concat([Module, " ", element(1, Option)]), fun() ->
        {bad_option, {Key, Shown, Why}} = try Module:around([Option | More]) of _ -> none catch error:Error -> Error end,
        ?assertEqual({element(1, Option), true}, {Key, Shown =:= element(2, Option) orelse Shown =:= hidden}),
        ?assertNotEqual(nomatch, string:find(Why, Says))
    end} || {Module, Option, More, Says} <- [
        {gwport_mw_request_id, {field, "x_id"}, [], "name of a field"},
        {gwport_mw_request_id, {field, ""}, [], "name of a field"},
        {gwport_mw_request_id, {field, 1}, [], "name of a field"},
        {gwport_mw_request_id, {accept, 1}, [], "true or false"},
        {gwport_mw_request_id, {acept, true}, [], "there are accept, field"},
        {gwport_mw_server_timing, {name, "a b"}, [], "token"},
        {gwport_mw_gzip, {level, 10}, [], "from 1 to 9"},
        {gwport_mw_gzip, {level, 0}, [], "from 1 to 9"},
        {gwport_mw_gzip, {min_size, -1}, [], "from 0"},
        {gwport_mw_gzip, {types, ["text"]}, [], "media types"},
        {gwport_mw_gzip, {types, [<<"*+">>]}, [], "media types"},
        {gwport_mw_gzip, {types, ["*/*"]}, [], "media types"},
        {gwport_mw_gzip, {types, ["text/*+x"]}, [], "media types"},
        {gwport_mw_gzip, {types, []}, [], "media types"},
        {gwport_mw_gzip, {types, [text]}, [], "media types"},
        {gwport_mw_conditional, {etags, yes}, [], "true or false"},
        {gwport_mw_prefix, {at, "shop"}, [], "a path"},
        {gwport_mw_prefix, {at, "/shop/"}, [], "a path"},
        {gwport_mw_prefix, {at, "/"}, [], "a path"},
        {gwport_mw_prefix, {at, [$/, 16#110000]}, [], "a path"},
        {gwport_mw_prefix, {app, fun() -> ok end}, [], "a fun of one argument"},
        {gwport_mw_method_override, {methods, ["put"]}, [], "in capitals"},
        {gwport_mw_method_override, {methods, []}, [], "in capitals"},
        {gwport_mw_method_override, {parameter, 1}, [], "a text"},
        {gwport_mw_basic_auth, {users, [{"a", "b"}]}, [], "a map"},
        {gwport_mw_basic_auth, {users, #{}}, [], "a map"},
        {gwport_mw_basic_auth, {users, #{<<"a:b">> => <<"c">>}}, [], "without a colon"},
        {gwport_mw_basic_auth, {users, #{<<"a">> => <<"b\n">>}}, [], "control characters"},
        {gwport_mw_basic_auth, {users, #{a => "b"}}, [], "expected texts"},
        {gwport_mw_basic_auth, {check, fun(_) -> true end}, [], "two arguments"},
        {gwport_mw_basic_auth, {check, fun(_, _) -> true end}, [{users, #{"a" => "b"}}], "one of users and check"},
        {gwport_mw_basic_auth, {realm, "\""}, [], "ASCII"},
        {gwport_mw_cors, {origins, []}, [], "expected origins"},
        {gwport_mw_cors, {origins, ["https://a.example/"]}, [], "expected origins"},
        {gwport_mw_cors, {origins, ["null"]}, [], "expected origins"},
        {gwport_mw_cors, {origins, ["https://*.example"]}, [], "expected origins"},
        {gwport_mw_cors, {origins, "https://a.example"}, [], "expected origins"},
        {gwport_mw_cors, {credentials, true}, [{origins, ["*"]}], "by name"},
        {gwport_mw_cors, {methods, ["A B"]}, [{origins, ["*"]}], "a list of tokens"},
        {gwport_mw_cors, {expose, "x"}, [{origins, ["*"]}], "a list of tokens"},
        {gwport_mw_cors, {max_age, -1}, [{origins, ["*"]}], "from 0"}]].

%% A password stands in no error.
a_wrong_password_is_hidden_test() ->
    [?assertError({bad_option, {_, hidden, _}}, gwport_mw_basic_auth:around(#{Key => #{<<"joe">> => <<"sesame\n">>}}))
        || Key <- [users, user]].

what_is_missing_is_named_test() ->
    ?assertError({missing_option, origins}, gwport_mw_cors:around(#{})),
    ?assertError({missing_option, at}, gwport_mw_prefix:around(#{})),
    ?assertError({missing_option, app}, gwport_mw_prefix:around(#{at => "/shop"})),
    ?assertError({missing_option, users}, gwport_mw_basic_auth:around(#{})),
    ?assertError({bad_option, {options, hidden, _}}, gwport_mw_gzip:around(7)).

%% What is Erlang's alone

ids_are_the_clients_only_if_accepted_and_harmless_test_() ->
    [fun() ->
        App = fun(Environ) -> self() ! {seen, maps:get(<<"HTTP_X_REQUEST_ID">>, Environ)}, {200, [], <<>>} end,
        {200, [{<<"x-request-id">>, Sent}], _} =
            (gwport_gateway:chain(App, [gwport_mw_request_id:around(#{accept => Accept})]))(
                #{<<"HTTP_X_REQUEST_ID">> => Id}),
        ?assertEqual(Sent, receive {seen, Seen} -> Seen end),
        ?assertEqual({Id, Accept andalso IsPlain}, {Id, Sent =:= Id}),
        ?assertMatch({match, _}, re:run(Sent, "^[A-Za-z0-9._-]{1,64}$")),
        ?assertMatch(#{request_id := Sent}, logger:get_process_metadata())
    end || {Id, IsPlain} <- [{binary:copy(<<"a">>, 64), true}, {binary:copy(<<"a">>, 65), false}, {<<"Az-09._">>, true},
        {<<>>, false}, {<<"a b">>, false}, {<<"a\tb">>, false}, {<<"a;b">>, false}, {<<"\xc3\xa4">>, false}],
        Accept <- [true, false]].

ids_are_never_the_same_test() ->
    App = gwport_gateway:chain(fun(_) -> {200, [], <<>>} end, [gwport_mw_request_id:around([])]),
    ?assertNotEqual(App(#{}), App(#{})).

timing_is_said_beside_the_apps_test() ->
    App = gwport_gateway:chain(fun(_) -> {200, [{<<"Server-Timing">>, <<"db;dur=1">>}], <<>>} end,
        [gwport_mw_server_timing:around([]), gwport_mw_server_timing:around([{name, "inner"}])]),
    {200, Headers, <<>>} = App(#{}),
    ?assertMatch({match, _}, re:run(joined(<<"server-timing">>, Headers),
        "^db;dur=1, inner;dur=[0-9]+\\.[0-9]{3}, app;dur=[0-9]+\\.[0-9]{3}$")).

a_check_is_asked_test() ->
    Auth = gwport_mw_basic_auth:around(#{check => fun(User, Password) -> {User, Password} =:= {<<"joe">>, <<"secret">>} end}),
    App = gwport_gateway:chain(fun(_) -> {200, [], <<>>} end, [Auth]),
    [?assertMatch({Status, _, _}, App(#{<<"HTTP_AUTHORIZATION">> => <<"Basic ", (base64:encode(Pair))/binary>>}))
        || {Status, Pair} <- [{200, <<"joe:secret">>}, {401, <<"joe:secreT">>}, {401, <<"ann:secret">>}]].

%% Each block can be read before the next is asked for.
each_block_is_flushed_test() ->
    Blocks = [<<"one">>, <<>>, binary:copy(<<"two">>, 30000), <<"three">>],
    {200, _, {Next, State}} = gzipped({fun([]) -> stop; ([B | Rest]) -> {continue, B, Rest} end, Blocks}),
    Z = zlib:open(),
    ok = zlib:inflateInit(Z, 31),
    ?assertEqual(Blocks, inflated(Next(State), Next, Z)),
    ok = zlib:inflateEnd(Z),
    ok = zlib:close(Z).

inflated({continue, Block, State}, Next, Z) ->
    [iolist_to_binary(zlib:inflate(Z, Block)) | inflated(Next(State), Next, Z)];
inflated({stop, Block}, _, Z) ->
    <<>> = iolist_to_binary(zlib:inflate(Z, Block)),
    [].

gzipped(Body) ->
    App = gwport_gateway:chain(fun(_) -> {200, [{<<"content-type">>, <<"text/plain">>}], Body} end,
        [gwport_mw_gzip:around(#{level => 9})]),
    App(#{<<"REQUEST_METHOD">> => <<"GET">>, <<"HTTP_ACCEPT_ENCODING">> => <<"gzip">>}).

%% Who runs apps says what is wrong with them, and not the middleware.
what_is_no_response_goes_on_as_it_is_test_() ->
    Middlewares = [gwport_mw_request_id:around([]), gwport_mw_server_timing:around([]),
        gwport_mw_cors:around(#{origins => ["*"]}), gwport_mw_gzip:around([]), gwport_mw_conditional:around([])],
    [?_assertEqual(Wrong, (gwport_gateway:chain(fun(_) -> Wrong end, Middlewares))(#{<<"REQUEST_METHOD">> => <<"GET">>}))
        || Wrong <- [none, {200, []}, {ok, [], <<>>}, {200, #{}, <<>>}, {200, [{x, y}], <<>>}, {200, [x | y], <<>>}]].

what_is_no_block_goes_on_as_it_is_test() ->
    {200, _, {Next, State}} = gzipped({fun(_) -> none end, 1}),
    ?assertEqual(none, Next(State)).

%% A path that middleware has changed in one form only is shifted in that form.
a_prefix_of_a_changed_path_test() ->
    App = gwport_gateway:chain(fun(_) -> none end, [gwport_mw_prefix:around(#{at => "/shop", app => fun(E) -> E end})]),
    Changed = #{<<"SCRIPT_NAME">> => <<"/a">>, <<"PATH_INFO">> => <<"/shop/x">>,
        <<"gwport.script_name">> => <<"/%61">>, <<"gwport.path_info">> => <<"/other">>},
    ?assertEqual(Changed#{<<"SCRIPT_NAME">> := <<"/a/shop">>, <<"PATH_INFO">> := <<"/x">>}, App(Changed)),
    ?assertMatch(#{<<"gwport.script_name">> := <<"/%61/shop">>, <<"gwport.path_info">> := <<"/x">>},
        App(Changed#{<<"gwport.path_info">> := <<"/shop/x">>})),
    Without = maps:without([<<"gwport.script_name">>, <<"gwport.path_info">>], Changed),
    ?assertEqual(Without#{<<"SCRIPT_NAME">> := <<"/a/shop">>, <<"PATH_INFO">> := <<"/x">>}, App(Without)).

%% As it stands there.
the_chain_of_the_page_works_test() ->
    Root = filename:dirname(filename:dirname(proplists:get_value(source, gwport:module_info(compile)))),
    {ok, Page} = file:read_file(filename:join([Root, "erlang", "doc", "gateway.md"])),
    {match, [Source]} = re:run(Page, "```erlang\n(gwport_gateway:chain\\(.*?)```", [dotall, {capture, [1], list}]),
    {ok, Tokens, _} = erl_scan:string(Source ++ "."),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    {value, App, _} = erl_eval:exprs(Expressions, []),
    ?assertMatch({204, _, <<>>}, App(#{<<"REQUEST_METHOD">> => <<"OPTIONS">>, <<"HTTP_ORIGIN">> => <<"https://shop.example">>,
        <<"HTTP_ACCESS_CONTROL_REQUEST_METHOD">> => <<"PUT">>})).
